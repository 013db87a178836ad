// @ts-check
import { byId, get } from './dom.js'

/** @import { Status, TakeInfo } from 'tauri-plugin-hearken-api' */

/** Figures for whoever wants to know. They are asked for while the panel is open. */
export class Details {
  #panel = get('details', HTMLDetailsElement)
  #figures = byId('figures')
  #timer = 0
  /** @type {[string, string][]} */
  #last = []

  /** @param {() => Promise<Status>} status */
  constructor(status) {
    const ask = async () => this.show(await status())
    this.#panel.addEventListener('toggle', () => {
      clearInterval(this.#timer)
      if (!this.#panel.open) return
      void ask()
      this.#timer = window.setInterval(() => document.hidden || void ask(), 1000)
    })
  }

  /**
   * What the last take took.
   * @param {TakeInfo} take
   * @param {number} stopMs
   */
  took(take, stopMs) {
    this.#last = [
      ['Last take: first frame after', take.firstFrameMs === null ? 'none came' : `${take.firstFrameMs.toFixed(0)} ms`],
      ['Last take: stop to complete file', `${stopMs.toFixed(0)} ms`],
    ]
    this.#panel.dataset.firstFrameMs = String(take.firstFrameMs)
    this.#panel.dataset.stopMs = stopMs.toFixed(1)
  }

  /** @param {Status} status */
  show({ device, frames, clock, callbacks, errors }) {
    const count = (/** @type {number} */ value) => value.toLocaleString('en')
    /** @type {[string, string][]} */
    const rows = [
      ['Device', device ? device.name.replaceAll('\n', ', ') : 'none is open'],
      ['Format', device ? `${device.host}, ${count(device.rateHz)} Hz, ${device.channels} ch, ${device.sampleFormat}` : '–'],
      ['Frames captured', count(frames.captured)],
      ['Frames delivered', count(frames.delivered)],
      ['Dropped by us', count(frames.dropped)],
      ['Lost by the device', count(frames.lost)],
      ['Left out on purpose', count(frames.discarded)],
      ['Callbacks, faults', `${count(callbacks)}, ${count(errors)}`],
      ['Clock', `${clock.class}, ${clock.ppm.toFixed(1)} ppm, ± ${clock.boundMs.toFixed(2)} ms`],
      ...this.#last,
    ]
    const cell = (/** @type {string} */ tag, /** @type {string} */ text) =>
      Object.assign(document.createElement(tag), { textContent: text })
    this.#figures.replaceChildren(...rows.flatMap(([name, value]) => [cell('dt', name), cell('dd', value)]))
  }
}
