// @ts-check
import { byId } from './dom.js'

/** @typedef {{ title: string, text: string, tone: 'bad' | 'fair' | 'good' }} Advice */

/**
 * What to say about the sound, by the engine's name for what is wrong with it.
 * @type {Record<string, Advice>}
 */
const ADVICE = {
  never_had_signal: {
    tone: 'bad',
    title: 'The microphone is silent',
    text: 'Not the faintest sound arrives. Is it switched off, or is this application denied the microphone in the system’s privacy settings?',
  },
  below_noise_floor: {
    tone: 'fair',
    title: 'The microphone seems to be muted',
    text: 'There is only its own noise. Look for a switch on the device or the cable.',
  },
  went_silent: {
    tone: 'bad',
    title: 'The microphone fell silent',
    text: 'Another application may have taken it, or it was switched off.',
  },
  too_quiet: { tone: 'fair', title: 'This is very quiet', text: 'Come closer, or turn the microphone up in the system’s sound settings.' },
  clipped: { tone: 'fair', title: 'Too loud', text: 'The sound is cut off at the top. Move away a little, or turn the microphone down.' },
  one_channel_only: { tone: 'fair', title: 'Only one channel has sound', text: 'That is all right for one microphone on a stereo input.' },
}

/** The one message at the top. */
export class Banner {
  #element = byId('banner')
  #about = ''
  #timer = 0
  /** What was dismissed is not said again. */
  #dismissed = new Set()

  constructor() {
    byId('banner-close').addEventListener('click', () => {
      this.#dismissed.add(this.#about)
      this.clear()
    })
  }

  /**
   * @param {string} about
   * @param {Advice} advice
   * @param {number} [forMs]
   */
  say(about, { title, text, tone }, forMs) {
    clearTimeout(this.#timer)
    if (this.#about !== about) {
      this.#about = about
      this.#element.className = `banner ${tone}`
      byId('banner-title').textContent = title
      byId('banner-text').textContent = text
      this.#element.hidden = false
    }
    if (forMs) this.#timer = window.setTimeout(() => this.clear(), forMs)
  }

  /** @param {string} [about] only a message about this */
  clear(about) {
    if (about !== undefined && about !== this.#about) return
    this.#element.hidden = true
    this.#about = ''
  }

  /** A new take: everything may be said again. */
  forget() {
    this.#dismissed.clear()
    this.clear()
  }

  /** @param {string} name the engine's name for the worst about the sound */
  sound(name) {
    const advice = ADVICE[name]
    if (advice && !this.#dismissed.has(name) && (this.#about === '' || this.#about in ADVICE)) this.say(name, advice)
    else if (!advice && this.#about in ADVICE) this.clear()
  }

  lost() {
    this.say('lost', {
      tone: 'bad',
      title: 'The microphone is gone',
      text: 'The take goes on, with a gap, as soon as it is back. Plug it in again, or choose another one above.',
    })
  }

  /** @param {string} name */
  back(name) {
    this.say('back', { tone: 'good', title: 'The microphone is back', text: `Recording goes on with ${name}. The gap is marked.` }, 8000)
  }

  /** @param {{ kind: string, message: string }} error */
  failed(error) {
    const what = {
      permissionDenied: 'Allow this application to use the microphone in the system’s privacy settings, then try again.',
      noDevice: 'Connect a microphone, then try again.',
      deviceBusy: 'Another application may hold it. Close that, then try again.',
    }[error.kind]
    this.say(error.message, { tone: 'bad', title: what ? 'No sound can be recorded' : 'That did not work', text: what ? `${what} (${error.message})` : error.message })
  }
}
