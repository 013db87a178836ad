/**
 * Record from a microphone: the commands of `tauri-plugin-hearken`, typed.
 *
 * Levels are pulled ({@link picture}, {@link PicturePuller}), rare things are told ({@link watch}).
 *
 * @module
 */

import { Channel, invoke } from '@tauri-apps/api/core'
import { decodePicture, PicturePuller, type Picture } from './picture'
import type { Device, ErrorKind, Notice, Status, TakeInfo, TakeRequest } from './types'

export * from './picture'
export type * from './types'

/** What a command is rejected with. */
export class HearkenError extends Error {
  /** What to match on; `notAllowed` where the window's permissions do not cover the command. */
  readonly kind: ErrorKind | 'notAllowed'

  constructor(kind: ErrorKind | 'notAllowed', message: string) {
    super(message)
    this.name = 'HearkenError'
    this.kind = kind
  }

  /** Of whatever a call was rejected with: the plugin's own errors are objects, Tauri's refusals strings. */
  static from(reason: unknown): HearkenError {
    if (typeof reason === 'object' && reason !== null && 'kind' in reason && 'message' in reason) {
      return new HearkenError(reason.kind as ErrorKind, String(reason.message))
    }
    const message = reason instanceof Error ? reason.message : String(reason)
    if (/not allowed/.test(message)) return new HearkenError('notAllowed', message)
    return new HearkenError(/invalid arg/.test(message) ? 'badArgument' : 'internal', message)
  }
}

async function call<T>(command: string, args?: Record<string, unknown>): Promise<T> {
  try {
    return await invoke<T>(`plugin:hearken|${command}`, args)
  } catch (reason) {
    throw HearkenError.from(reason)
  }
}

/** The microphones that there are, the default one first. */
export const devices = (): Promise<Device[]> => call('devices')

/** What is going on, but for the levels. */
export const status = (): Promise<Status> => call('status')

/** The newest levels and waveform. Ask at most 30 times a second, as {@link PicturePuller} does. */
export const picture = async (): Promise<Picture> => decodePicture(await call<ArrayBuffer>('picture'))

/** Shows pictures while there are any to show; call `wake` when something begins. */
export const follow = (show: (picture: Picture) => void): PicturePuller => new PicturePuller(picture, show)

/** Tells of what is rare, from now on; one listener for each window. */
export async function watch(listener: (notice: Notice) => void): Promise<void> {
  const onNotice = new Channel<Notice>()
  onNotice.onmessage = listener
  await call('watch', { onNotice })
}

/** Holds a device open, the default one unless it is named: the meter moves, and takes may begin in the past. */
export const open = (device: string | null = null): Promise<Status> => call('open', { device })

/** Lets go of the device that `open` holds. */
export const close = (): Promise<Status> => call('close')

/** Begins a take, and gives its id. */
export const startTake = (request: TakeRequest = {}): Promise<string> => call('start_take', { request })

/** Ends the take: its file is complete. */
export const finishTake = (): Promise<TakeInfo> => call('finish_take')

/** Throws the take away. */
export const cancelTake = (): Promise<Status> => call('cancel_take')

/** Leaves out what comes from now on. */
export const pause = (): Promise<Status> => call('pause')

/** Goes on after `pause`. */
export const resume = (): Promise<Status> => call('resume')

/** Mutes the microphone: time goes on, and no sound enters the application. */
export const mute = (muted: boolean): Promise<Status> => call('mute', { muted })

/** The takes that there are, the newest first. */
export const takes = (): Promise<TakeInfo[]> => call('takes')

/** The WAV file of a take. */
export const takeAudio = (id: string): Promise<ArrayBuffer> => call('take_audio', { id })

/** Removes a take. */
export const deleteTake = (id: string): Promise<void> => call('delete_take', { id })
