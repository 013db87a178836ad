// @ts-check
import { byId, clock, get, icon, setIcon } from './dom.js'

/** @import { TakeInfo } from 'tauri-plugin-hearken-api' */

const { core, hearken } = window.__TAURI__
/** How long a deletion waits for the second click. */
const SURE_MS = 3000

/** Words for a badge, by the engine's name for the worst about a take. */
const BADGES = /** @type {Record<string, [string, string]>} */ ({
  ok: ['good', ''],
  muted: ['muted', 'fair'],
  too_quiet: ['quiet', 'fair'],
  one_channel_only: ['one channel', 'fair'],
  clipped: ['too loud', 'fair'],
  lossy: ['gaps', 'bad'],
  rate_mismatch: ['wrong rate', 'bad'],
  below_noise_floor: ['only noise', 'bad'],
  went_silent: ['fell silent', 'bad'],
  device_lost: ['gap', 'bad'],
  never_had_signal: ['silent', 'bad'],
})

/** The takes that there are, the newest first. */
export class Takes {
  #list = byId('takes')
  #player = get('player', HTMLAudioElement)
  #failed
  #playing = ''

  /** @param {(reason: unknown) => void} failed */
  constructor(failed) {
    this.#failed = failed
    for (const event of ['play', 'pause', 'ended']) this.#player.addEventListener(event, () => this.#mark())
  }

  async load() {
    const takes = await hearken.takes()
    this.#list.replaceChildren(...takes.map((take) => this.#row(take)))
    this.#count()
  }

  /** @param {TakeInfo} take */
  add(take) {
    if ([...this.#list.children].some((row) => row instanceof HTMLElement && row.dataset.id === take.id)) return
    this.#list.prepend(this.#row(take))
    this.#count()
  }

  /** Nothing is played while something is recorded. */
  hush() {
    this.#player.pause()
  }

  #count() {
    const count = this.#list.children.length
    byId('no-takes').hidden = count > 0
    byId('count').textContent = count > 0 ? String(count) : ''
  }

  /** @param {TakeInfo} take */
  #row(take) {
    const row = document.createElement('li')
    row.className = 'take'
    row.dataset.id = take.id
    const name = when(take.recordedAtMs)
    const play = button('play', 'resume', `Play the take of ${name}`, () => this.#play(take))
    const title = text('span', 'when', name)
    title.title = take.device
    const what = text('span', 'what', clock(take.lengthMs))
    const [word, tone] = BADGES[take.verdict.name] ?? [take.verdict.name, 'fair']
    const badge = text('span', `badge ${tone}`, word)
    badge.title = take.verdict.text
    what.append(badge)
    const acts = document.createElement('div')
    acts.className = 'acts'
    const reveal = () => core.invoke('reveal', { id: take.id })
    acts.append(
      button('plain', 'folder', `Show the file of the take of ${name}`, () => reveal().catch(this.#failed)),
      this.#bin(take, name, row),
    )
    row.append(play, title, outline(take), acts, what)
    return row
  }

  /**
   * The first click asks, the second deletes.
   * @param {TakeInfo} take
   * @param {string} name
   * @param {HTMLElement} row
   */
  #bin(take, name, row) {
    const bin = button('plain danger', 'bin', `Delete the take of ${name}`, () => {
      if (!bin.classList.contains('sure')) {
        bin.classList.add('sure')
        bin.replaceChildren('Delete?')
        setTimeout(() => {
          bin.classList.remove('sure')
          bin.replaceChildren(icon('bin'))
        }, SURE_MS)
        return
      }
      if (this.#playing === take.id) this.#player.pause()
      hearken.deleteTake(take.id).then(() => {
        row.remove()
        this.#count()
      }, this.#failed)
    })
    return bin
  }

  /** @param {TakeInfo} take */
  async #play(take) {
    try {
      if (this.#playing === take.id && !this.#player.paused) return this.#player.pause()
      if (this.#playing !== take.id) {
        const audio = await hearken.takeAudio(take.id)
        URL.revokeObjectURL(this.#player.src)
        this.#player.src = URL.createObjectURL(new Blob([audio], { type: 'audio/wav' }))
        this.#playing = take.id
      }
      await this.#player.play()
    } catch (reason) {
      this.#failed(reason)
    }
  }

  #mark() {
    for (const row of this.#list.children) {
      if (!(row instanceof HTMLElement)) continue
      const isPlaying = row.dataset.id === this.#playing && !this.#player.paused
      row.classList.toggle('playing', isPlaying)
      const play = row.querySelector('.play')
      if (play) setIcon(play, isPlaying ? 'pause' : 'resume')
    }
  }
}

/** @param {number} ms */
function when(ms) {
  const [then, now] = [new Date(ms), new Date()]
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  if (then.toDateString() === now.toDateString()) return `Today, ${time}`
  return `${then.toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' })}, ${time}`
}

/**
 * @param {string} tag
 * @param {string} kind
 * @param {string} content
 */
function text(tag, kind, content) {
  const element = document.createElement(tag)
  element.className = kind
  element.textContent = content
  return element
}

/**
 * @param {string} kind
 * @param {string} symbol
 * @param {string} label
 * @param {() => void} action
 */
function button(kind, symbol, label, action) {
  const element = document.createElement('button')
  element.className = kind
  element.title = label
  element.setAttribute('aria-label', label)
  element.append(icon(symbol))
  element.addEventListener('click', action)
  return element
}

/** @param {TakeInfo} take */
function outline({ outline: peaks, gaps, lengthMs }) {
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  svg.setAttribute('class', 'outline')
  svg.setAttribute('viewBox', '0 0 96 30')
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('aria-hidden', 'true')
  const bar = (/** @type {number} */ x, /** @type {number} */ width, /** @type {number} */ height, kind = '') => {
    const rect = document.createElementNS(space, 'rect')
    const facts = { x, width, height, y: (30 - height) / 2, class: kind }
    for (const [name, value] of Object.entries(facts)) rect.setAttribute(name, String(value))
    svg.append(rect)
  }
  const width = 96 / Math.max(1, peaks.length)
  peaks.forEach((peak, index) => bar(index * width, width * 0.7, 1 + 29 * Math.sqrt(peak / 255)))
  for (const { atMs, lengthMs: length, cause } of gaps) {
    if (cause !== 'paused' && cause !== 'muted') bar((96 * atMs) / lengthMs, Math.max(1, (96 * length) / lengthMs), 30, 'gap')
  }
  return svg
}
