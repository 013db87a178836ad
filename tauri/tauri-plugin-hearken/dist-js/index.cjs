'use strict';

var core = require('@tauri-apps/api/core');

/** Bits of a waveform column. */
const COLUMN = { heard: 1, missing: 2, muted: 4, voice: 8, clipped: 16 };
/** Columns of a picture's waveform, a thirtieth of a second each. */
const COLUMNS = 128;
/** Names of what is to be said about the sound, from fine to worst. */
const VERDICTS = [
    'ok',
    'muted',
    'no_signal_yet',
    'too_quiet',
    'one_channel_only',
    'clipped',
    'lossy',
    'rate_mismatch',
    'below_noise_floor',
    'went_silent',
    'device_lost',
    'never_had_signal',
];
const STATES = ['closed', 'open', 'recording', 'paused'];
/** Where the engine's own table begins. */
const ENGINE = 16;
const LENGTH = ENGINE + 896;
/** Reads what the command `picture` gives: the tables of `src/picture.rs` and of the engine's `Picture::to_bytes`. */
function decodePicture(bytes) {
    const view = new DataView(bytes);
    if (view.byteLength !== LENGTH || view.getUint8(0) !== 1) {
        throw new TypeError('a picture of another version: the bindings and the plugin do not belong together');
    }
    const bits = view.getUint8(2);
    const float = (at) => view.getFloat32(ENGINE + at, true);
    const word = (at) => Number(view.getBigUint64(ENGINE + at, true));
    const channel = (_, index) => {
        const at = 64 + 16 * index;
        return { peak: float(at), rms: float(at + 4), held: float(at + 8) };
    };
    return {
        state: STATES[view.getUint8(1)] ?? 'closed',
        muted: (bits & 1) !== 0,
        away: (bits & 2) !== 0,
        open: (bits & 4) !== 0,
        elapsedMs: view.getUint32(4, true),
        missing: view.getFloat64(8, true),
        sequence: word(8),
        channels: Array.from({ length: view.getUint8(ENGINE + 1) }, channel),
        verdict: VERDICTS[view.getUint8(ENGINE + 2)] ?? 'ok',
        voice: float(48),
        column: word(24),
        flags: new Uint8Array(bytes, ENGINE + 256, COLUMNS),
        // Every platform that runs this is little-endian, as the table is.
        shape: new Int16Array(bytes, ENGINE + 384, 2 * COLUMNS),
    };
}
/** How many pictures a second are worth asking for. */
const PER_SECOND = 30;
/**
 * Asks for pictures and shows them: at most 30 a second, one under way, none while the page is hidden. Rests when
 * nothing is open, until it is woken.
 */
class PicturePuller {
    #pull;
    #show;
    #state = 'resting';
    #timer;
    #woken = false;
    #isUnderWay = false;
    constructor(pull, show) {
        this.#pull = pull;
        this.#show = show;
        globalThis.document?.addEventListener('visibilitychange', () => this.wake());
    }
    /** Something has begun, or may have. */
    wake() {
        this.#woken = true;
        if (this.#state === 'resting' && !this.#isUnderWay)
            void this.#once();
    }
    /** Shows nothing more until it is woken. */
    rest() {
        clearTimeout(this.#timer);
        this.#woken = false;
        this.#state = 'resting';
    }
    async #once() {
        if (globalThis.document?.hidden)
            return this.rest();
        this.#state = 'pulling';
        this.#isUnderWay = true;
        this.#woken = false;
        const begun = performance.now();
        // Whoever started something hears of its failure; there is just nothing to show.
        const picture = await this.#pull().catch(() => undefined);
        this.#isUnderWay = false;
        // Somebody may have sent it to rest meanwhile, and woken it again.
        if (this.#state !== 'pulling')
            return this.#woken ? this.#once() : undefined;
        if (picture)
            this.#show(picture);
        const goesOn = picture !== undefined && (picture.open || picture.state !== 'closed');
        if (!goesOn && !this.#woken)
            return this.rest();
        this.#state = 'waiting';
        this.#timer = setTimeout(() => void this.#once(), Math.max(0, 1000 / PER_SECOND - (performance.now() - begun)));
    }
}

/**
 * Record from a microphone: the commands of `tauri-plugin-hearken`, typed.
 *
 * Levels are pulled ({@link picture}, {@link PicturePuller}), rare things are told ({@link watch}).
 *
 * @module
 */
/** What a command is rejected with. */
class HearkenError extends Error {
    /** What to match on; `notAllowed` where the window's permissions do not cover the command. */
    kind;
    constructor(kind, message) {
        super(message);
        this.name = 'HearkenError';
        this.kind = kind;
    }
    /** Of whatever a call was rejected with: the plugin's own errors are objects, Tauri's refusals strings. */
    static from(reason) {
        if (typeof reason === 'object' && reason !== null && 'kind' in reason && 'message' in reason) {
            return new HearkenError(reason.kind, String(reason.message));
        }
        const message = reason instanceof Error ? reason.message : String(reason);
        if (/not allowed/.test(message))
            return new HearkenError('notAllowed', message);
        return new HearkenError(/invalid arg/.test(message) ? 'badArgument' : 'internal', message);
    }
}
async function call(command, args) {
    try {
        return await core.invoke(`plugin:hearken|${command}`, args);
    }
    catch (reason) {
        throw HearkenError.from(reason);
    }
}
/** The microphones that there are, the default one first. */
const devices = () => call('devices');
/** What is going on, but for the levels. */
const status = () => call('status');
/** The newest levels and waveform. Ask at most 30 times a second, as {@link PicturePuller} does. */
const picture = async () => decodePicture(await call('picture'));
/** Shows pictures while there are any to show; call `wake` when something begins. */
const follow = (show) => new PicturePuller(picture, show);
/** Tells of what is rare, from now on; one listener for each window. */
async function watch(listener) {
    const onNotice = new core.Channel();
    onNotice.onmessage = listener;
    await call('watch', { onNotice });
}
/** Holds a device open, the default one unless it is named: the meter moves, and takes may begin in the past. */
const open = (device = null) => call('open', { device });
/** Lets go of the device that `open` holds. */
const close = () => call('close');
/** Begins a take, and gives its id. */
const startTake = (request = {}) => call('start_take', { request });
/** Ends the take: its file is complete. */
const finishTake = () => call('finish_take');
/** Throws the take away. */
const cancelTake = () => call('cancel_take');
/** Leaves out what comes from now on. */
const pause = () => call('pause');
/** Goes on after `pause`. */
const resume = () => call('resume');
/** Mutes the microphone: time goes on, and no sound enters the application. */
const mute = (muted) => call('mute', { muted });
/** The takes that there are, the newest first. */
const takes = () => call('takes');
/** The WAV file of a take. */
const takeAudio = (id) => call('take_audio', { id });
/** Removes a take. */
const deleteTake = (id) => call('delete_take', { id });

exports.COLUMN = COLUMN;
exports.COLUMNS = COLUMNS;
exports.HearkenError = HearkenError;
exports.PicturePuller = PicturePuller;
exports.VERDICTS = VERDICTS;
exports.cancelTake = cancelTake;
exports.close = close;
exports.decodePicture = decodePicture;
exports.deleteTake = deleteTake;
exports.devices = devices;
exports.finishTake = finishTake;
exports.follow = follow;
exports.mute = mute;
exports.open = open;
exports.pause = pause;
exports.picture = picture;
exports.resume = resume;
exports.startTake = startTake;
exports.status = status;
exports.takeAudio = takeAudio;
exports.takes = takes;
exports.watch = watch;
