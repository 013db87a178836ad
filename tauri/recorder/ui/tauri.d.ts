import type * as Hearken from 'tauri-plugin-hearken-api'

declare global {
  interface Window {
    /** What Tauri puts into the page. */
    __TAURI__: {
      core: { invoke<T>(command: string, args?: Record<string, unknown>): Promise<T> }
      hearken: typeof Hearken
    }
  }
}
