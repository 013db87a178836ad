/**
 * Record from a microphone: the commands of `tauri-plugin-hearken`, typed.
 *
 * Levels are pulled ({@link picture}, {@link PicturePuller}), rare things are told ({@link watch}).
 *
 * @module
 */
import { PicturePuller, type Picture } from './picture';
import type { Device, ErrorKind, Notice, Status, TakeInfo, TakeRequest } from './types';
export * from './picture';
export type * from './types';
/** What a command is rejected with. */
export declare class HearkenError extends Error {
    /** What to match on; `notAllowed` where the window's permissions do not cover the command. */
    readonly kind: ErrorKind | 'notAllowed';
    constructor(kind: ErrorKind | 'notAllowed', message: string);
    /** Of whatever a call was rejected with: the plugin's own errors are objects, Tauri's refusals strings. */
    static from(reason: unknown): HearkenError;
}
/** The microphones that there are, the default one first. */
export declare const devices: () => Promise<Device[]>;
/** What is going on, but for the levels. */
export declare const status: () => Promise<Status>;
/** The newest levels and waveform. Ask at most 30 times a second, as {@link PicturePuller} does. */
export declare const picture: () => Promise<Picture>;
/** Shows pictures while there are any to show; call `wake` when something begins. */
export declare const follow: (show: (picture: Picture) => void) => PicturePuller;
/** Tells of what is rare, from now on; one listener for each window. */
export declare function watch(listener: (notice: Notice) => void): Promise<void>;
/** Holds a device open, the default one unless it is named: the meter moves, and takes may begin in the past. */
export declare const open: (device?: string | null) => Promise<Status>;
/** Lets go of the device that `open` holds. */
export declare const close: () => Promise<Status>;
/** Begins a take, and gives its id. */
export declare const startTake: (request?: TakeRequest) => Promise<string>;
/** Ends the take: its file is complete. */
export declare const finishTake: () => Promise<TakeInfo>;
/** Throws the take away. */
export declare const cancelTake: () => Promise<Status>;
/** Leaves out what comes from now on. */
export declare const pause: () => Promise<Status>;
/** Goes on after `pause`. */
export declare const resume: () => Promise<Status>;
/** Mutes the microphone: time goes on, and no sound enters the application. */
export declare const mute: (muted: boolean) => Promise<Status>;
/** The takes that there are, the newest first. */
export declare const takes: () => Promise<TakeInfo[]>;
/** The WAV file of a take. */
export declare const takeAudio: (id: string) => Promise<ArrayBuffer>;
/** Removes a take. */
export declare const deleteTake: (id: string) => Promise<void>;
