// @ts-check
/** @import { ChannelLevel } from 'tauri-plugin-hearken-api' */

/** What the left end of a meter stands for. */
const FLOOR_DBFS = -60
/** How often a reader of the screen is told. */
const SPOKEN_MS = 1000

const dbfs = (/** @type {number} */ linear) => Math.max(FLOOR_DBFS, 20 * Math.log10(linear))
const share = (/** @type {number} */ linear) => 1 - dbfs(linear) / FLOOR_DBFS

/** A bar for each channel. */
export class Meters {
  #element
  #spokenAt = 0

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element
    this.#fit(1)
  }

  /** @param {ChannelLevel[]} channels */
  show(channels) {
    if (channels.length > 0) this.#fit(channels.length)
    const speaks = performance.now() - this.#spokenAt > SPOKEN_MS
    if (speaks) this.#spokenAt = performance.now()
    ;[...this.#element.children].forEach((meter, index) => {
      const { peak, held } = channels[index] ?? { peak: 0, held: 0 }
      const [bar, tick] = /** @type {HTMLElement[]} */ ([...meter.children])
      if (bar) bar.style.clipPath = `inset(0 ${(100 - 100 * share(peak)).toFixed(1)}% 0 0)`
      if (tick) {
        // It is as wide as the meter, and moved: moving is no layout.
        tick.style.transform = `translateX(calc(${(100 * share(held)).toFixed(1)}% - 2px))`
        tick.style.opacity = held > 0.001 ? '1' : '0'
      }
      if (speaks) meter.setAttribute('aria-valuenow', dbfs(peak).toFixed(0))
    })
  }

  /** @param {number} count */
  #fit(count) {
    while (this.#element.children.length > count) this.#element.lastElementChild?.remove()
    while (this.#element.children.length < count) {
      const meter = document.createElement('div')
      const label = `Level of channel ${this.#element.children.length + 1} in dB`
      meter.className = 'meter'
      const facts = { role: 'meter', 'aria-label': label, 'aria-valuemin': FLOOR_DBFS, 'aria-valuemax': 0, 'aria-valuenow': FLOOR_DBFS }
      for (const [name, value] of Object.entries(facts)) meter.setAttribute(name, String(value))
      meter.append(document.createElement('i'), document.createElement('b'))
      this.#element.append(meter)
    }
  }
}
