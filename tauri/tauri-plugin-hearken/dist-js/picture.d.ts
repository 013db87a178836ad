import type { State } from './types';
/** How loud a channel is; 1 is full scale. */
export interface ChannelLevel {
    peak: number;
    rms: number;
    /** The peak that is held for a moment. */
    held: number;
}
/** Bits of a waveform column. */
export declare const COLUMN: {
    readonly heard: 1;
    readonly missing: 2;
    readonly muted: 4;
    readonly voice: 8;
    readonly clipped: 16;
};
/** Columns of a picture's waveform, a thirtieth of a second each. */
export declare const COLUMNS = 128;
/** Names of what is to be said about the sound, from fine to worst. */
export declare const VERDICTS: readonly ["ok", "muted", "no_signal_yet", "too_quiet", "one_channel_only", "clipped", "lossy", "rate_mismatch", "below_noise_floor", "went_silent", "device_lost", "never_had_signal"];
/** What there is to see at a moment. */
export interface Picture {
    state: State;
    muted: boolean;
    /** The device is needed and gone; it is looked for. */
    away: boolean;
    /** A device is open. */
    open: boolean;
    /** Of the take, pauses left out. */
    elapsedMs: number;
    /** Frames that are missing, whoever lost them. */
    missing: number;
    /** Another picture has another one. */
    sequence: number;
    channels: ChannelLevel[];
    verdict: (typeof VERDICTS)[number];
    /** How likely it is that somebody speaks, 0 to 1; negative where nobody judges that. */
    voice: number;
    /** The number of the newest column: what is new since the last picture. */
    column: number;
    /** Bits of each column, oldest first. */
    flags: Uint8Array;
    /** Least and greatest sample of each column in turn, oldest first; 32,767 is full scale. */
    shape: Int16Array;
}
/** Reads what the command `picture` gives: the tables of `src/picture.rs` and of the engine's `Picture::to_bytes`. */
export declare function decodePicture(bytes: ArrayBuffer): Picture;
/**
 * Asks for pictures and shows them: at most 30 a second, one under way, none while the page is hidden. Rests when
 * nothing is open, until it is woken.
 */
export declare class PicturePuller {
    #private;
    constructor(pull: () => Promise<Picture>, show: (picture: Picture) => void);
    /** Something has begun, or may have. */
    wake(): void;
    /** Shows nothing more until it is woken. */
    rest(): void;
}
