// @ts-check
import { get } from './dom.js'

const { hearken } = window.__TAURI__
const REMEMBERED = 'device'

/** The choice of microphone: remembered, also while it is not there. */
export class Devices {
  #select = get('device', HTMLSelectElement)
  /** @type {{ id: string, name: string } | null} none is the system's default */
  #chosen = JSON.parse(localStorage.getItem(REMEMBERED) ?? 'null')

  /** @param {() => void} changed */
  constructor(changed) {
    this.#select.addEventListener('change', () => {
      const option = this.#select.selectedOptions[0]
      this.#chosen = option?.value ? { id: option.value, name: option.dataset.name ?? '' } : null
      localStorage.setItem(REMEMBERED, JSON.stringify(this.#chosen))
      changed()
    })
    // Asking costs the system something, so it is asked when somebody is about to look.
    for (const event of ['pointerdown', 'focus']) this.#select.addEventListener(event, () => void this.refresh())
    window.addEventListener('focus', () => void this.refresh())
  }

  /** The id for the plugin. */
  get id() {
    return this.#chosen?.id ?? null
  }

  get name() {
    return this.#chosen?.name ?? 'the default microphone'
  }

  async refresh() {
    const found = await hearken.devices().catch(() => [])
    const standard = found.find((device) => device.isDefault)
    const options = [option('', `Default microphone${standard ? ` (${oneLine(standard.name)})` : ''}`, 'Default microphone')]
    for (const { id, name } of found) options.push(option(id, oneLine(name), oneLine(name)))
    const chosen = this.#chosen
    if (chosen && !found.some(({ id }) => id === chosen.id)) {
      const gone = option(chosen.id, `${chosen.name} (not connected)`, chosen.name)
      options.push(gone)
    }
    // A list that is open would close.
    const key = options.map((one) => one.value + one.textContent).join()
    if (key === this.#select.dataset.key) return
    this.#select.dataset.key = key
    this.#select.replaceChildren(...options)
    this.#select.value = chosen?.id ?? ''
  }
}

const oneLine = (/** @type {string} */ name) => name.replace(/\s*\n\s*/g, ', ')

/**
 * @param {string} value
 * @param {string} label
 * @param {string} name
 */
function option(value, label, name) {
  const element = document.createElement('option')
  element.value = value
  element.textContent = label
  element.dataset.name = name
  return element
}
