// @ts-check
/** @import { Picture } from 'tauri-plugin-hearken-api' */

const { COLUMN, COLUMNS } = window.__TAURI__.hearken

/** Of the page's own, beside the engine's: the take was paused. */
const PAUSED = 128
/** Pixels of the page from a column to the next. */
const STEP = 3
/** Columns that are kept: wider than any window. */
const KEPT = 512

/**
 * The last seconds, scrolling from right to left; what is missing is drawn where it is missing.
 *
 * Thirty times a second what there is moves to the left, and only what is new is drawn. The canvas is opaque and has no
 * round corners: blending and clipping it would cost more than all the rest. It counts in pixels of the screen.
 */
export class Waveform {
  #canvas
  #pen
  /** @type {{ top: number, bottom: number, bits: number }[]} oldest first; 1 is full scale */
  #columns = []
  #newest = 0
  /** When the device went away, or the last column was made up for it. */
  #awayAt = 0
  #isRecording = false
  #density = 1
  #colours = { red: '', dim: '', quiet: '', amber: '', green: '', sheet: '' }

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const pen = canvas.getContext('2d', { alpha: false })
    if (!pen) throw new Error('there is nothing to draw with')
    this.#canvas = canvas
    this.#pen = pen
    new ResizeObserver(() => this.#fit()).observe(canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#fit())
    this.#fit()
  }

  /** Takes over size and colours from the page, which is not asked for each picture. */
  #fit() {
    const canvas = this.#canvas
    this.#density = window.devicePixelRatio
    canvas.width = Math.round(canvas.clientWidth * this.#density)
    canvas.height = Math.round(canvas.clientHeight * this.#density)
    const style = getComputedStyle(canvas)
    for (const name of /** @type {const} */ (['red', 'dim', 'quiet', 'amber', 'green', 'sheet'])) {
      this.#colours[name] = style.getPropertyValue(`--${name}`)
    }
    this.#draw(KEPT)
  }

  clear() {
    this.#columns = []
    this.#draw(KEPT)
  }

  /** @param {Picture} picture */
  show(picture) {
    const fresh = picture.away ? this.#pass() : this.#append(picture)
    this.#columns.splice(0, this.#columns.length - KEPT)
    const isRecording = picture.state === 'recording'
    const hasChanged = isRecording !== this.#isRecording
    this.#isRecording = isRecording
    if (hasChanged) this.#draw(KEPT)
    else if (fresh > 0) this.#draw(fresh)
  }

  /** Time goes on without a device. Gives how many columns are new, as the next one does. */
  #pass() {
    const now = performance.now()
    if (this.#awayAt === 0) this.#awayAt = now
    let fresh = 0
    for (; this.#awayAt + 1000 / 30 <= now; this.#awayAt += 1000 / 30, fresh += 1) {
      this.#columns.push({ top: 0, bottom: 0, bits: COLUMN.missing })
    }
    return fresh
  }

  /** @param {Picture} picture */
  #append({ column, flags, shape, state }) {
    this.#awayAt = 0
    // A device that was opened anew counts from 0 again.
    const since = column >= this.#newest ? column - this.#newest : column
    this.#newest = column
    let fresh = 0
    for (let at = Math.max(0, COLUMNS - since); at < COLUMNS; at += 1) {
      const bits = (flags[at] ?? 0) | (state === 'paused' ? PAUSED : 0)
      if (bits === 0) continue
      this.#columns.push({ top: (shape[2 * at + 1] ?? 0) / 32767, bottom: (shape[2 * at] ?? 0) / 32767, bits })
      fresh += 1
    }
    return fresh
  }

  /** @param {number} fresh how many of the newest columns are not on the canvas yet; as many as are kept: nothing is */
  #draw(fresh) {
    const { width, height } = this.#canvas
    const pen = this.#pen
    const { red, dim, quiet, amber, green, sheet } = this.#colours
    // Whole pixels only: half ones are blended.
    const [line, step] = [Math.round(this.#density), Math.round(STEP * this.#density)]
    const bar = (/** @type {string} */ colour, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ wide, /** @type {number} */ high) => {
      pen.fillStyle = colour
      pen.fillRect(x, y, wide, high)
    }
    const newFrom = width - fresh * step
    if (newFrom > 0) pen.drawImage(this.#canvas, -fresh * step, 0)
    bar(sheet, newFrom, 0, width - newFrom, height)
    const middle = Math.floor(height / 2)
    bar(quiet, newFrom, middle, width - newFrom, line)
    const heard = this.#isRecording ? red : dim
    const tallest = middle - 5 * line
    let x = width - step
    for (let at = this.#columns.length - 1; at >= 0 && x >= newFrom && x > -step; at -= 1, x -= step) {
      const { top, bottom, bits } = this.#columns[at] ?? { top: 0, bottom: 0, bits: 0 }
      if (bits & COLUMN.missing) {
        pen.globalAlpha = 0.3
        bar(red, x, 0, step, height)
        pen.globalAlpha = 1
      }
      if (bits & COLUMN.voice) bar(green, x, height - 3 * line, step, 3 * line)
      // The square root shows a whisper, and still tells it from a shout.
      const up = Math.round(Math.sqrt(Math.max(0, top)) * tallest)
      const down = Math.round(Math.sqrt(Math.max(0, -bottom)) * tallest)
      const leftOut = bits & (PAUSED | COLUMN.muted)
      bar(bits & COLUMN.clipped ? amber : leftOut ? quiet : heard, x, middle - up, step - line, up + down + line)
    }
  }
}
