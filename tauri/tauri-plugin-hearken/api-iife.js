if ('__TAURI__' in window) {
var __TAURI_PLUGIN_HEARKEN__ = (function (exports) {
    'use strict';

    /******************************************************************************
    Copyright (c) Microsoft Corporation.

    Permission to use, copy, modify, and/or distribute this software for any
    purpose with or without fee is hereby granted.

    THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
    REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
    AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
    INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
    LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
    OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
    PERFORMANCE OF THIS SOFTWARE.
    ***************************************************************************** */
    /* global Reflect, Promise, SuppressedError, Symbol, Iterator */


    function __classPrivateFieldGet(receiver, state, kind, f) {
        if (kind === "a" && !f) throw new TypeError("Private accessor was defined without a getter");
        if (typeof state === "function" ? receiver !== state || !f : !state.has(receiver)) throw new TypeError("Cannot read private member from an object whose class did not declare it");
        return kind === "m" ? f : kind === "a" ? f.call(receiver) : f ? f.value : state.get(receiver);
    }

    function __classPrivateFieldSet(receiver, state, value, kind, f) {
        if (typeof state === "function" ? receiver !== state || true : !state.has(receiver)) throw new TypeError("Cannot write private member to an object whose class did not declare it");
        return (state.set(receiver, value)), value;
    }

    typeof SuppressedError === "function" ? SuppressedError : function (error, suppressed, message) {
        var e = new Error(message);
        return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
    };

    // Copyright 2019-2024 Tauri Programme within The Commons Conservancy
    // SPDX-License-Identifier: Apache-2.0
    // SPDX-License-Identifier: MIT
    var _Channel_instances, _Channel_onmessage, _Channel_nextMessageIndex, _Channel_pendingMessages, _Channel_messageEndIndex, _Channel_deliver;
    /**
     * Invoke your custom commands.
     *
     * This package is also accessible with `window.__TAURI__.core` when [`app.withGlobalTauri`](https://v2.tauri.app/reference/config/#withglobaltauri) in `tauri.conf.json` is set to `true`.
     * @module
     */
    /**
     * A key to be used to implement a special function
     * on your types that define how your type should be serialized
     * when passing across the IPC.
     * @example
     * Given a type in Rust that looks like this
     * ```rs
     * #[derive(serde::Serialize, serde::Deserialize)
     * enum UserId {
     *   String(String),
     *   Number(u32),
     * }
     * ```
     * `UserId::String("id")` would be serialized into `{ String: "id" }`
     * and so we need to pass the same structure back to Rust
     * ```ts
     * import { SERIALIZE_TO_IPC_FN } from "@tauri-apps/api/core"
     *
     * class UserIdString {
     *   id
     *   constructor(id) {
     *     this.id = id
     *   }
     *
     *   [SERIALIZE_TO_IPC_FN]() {
     *     return { String: this.id }
     *   }
     * }
     *
     * class UserIdNumber {
     *   id
     *   constructor(id) {
     *     this.id = id
     *   }
     *
     *   [SERIALIZE_TO_IPC_FN]() {
     *     return { Number: this.id }
     *   }
     * }
     *
     * type UserId = UserIdString | UserIdNumber
     * ```
     *
     */
    // if this value changes, make sure to update it in:
    // 1. ipc.js
    // 2. process-ipc-message-fn.js
    const SERIALIZE_TO_IPC_FN = '__TAURI_TO_IPC_KEY__';
    /**
     * Stores the callback in a known location, and returns an identifier that can be passed to the backend.
     * The backend uses the identifier to `eval()` the callback.
     *
     * @return An unique identifier associated with the callback function.
     *
     * @since 1.0.0
     */
    function transformCallback(
    // TODO: Make this not optional in v3
    callback, once = false) {
        return window.__TAURI_INTERNALS__.transformCallback(callback, once);
    }
    /**
     * A message channel used to stream values from Rust to the frontend.
     *
     * A `Channel` is the JavaScript counterpart of [`tauri::ipc::Channel`](https://docs.rs/tauri/2/tauri/ipc/struct.Channel.html).
     * Pass an instance as a command argument and the Rust command can declare a
     * `tauri::ipc::Channel<T>` parameter with the same name; every value sent from
     * Rust is then delivered to {@linkcode Channel.onmessage}. Messages are delivered
     * in the order they were sent, even when they arrive out of order.
     *
     * The channel stays alive until the Rust `Channel` is dropped, so it can be used
     * for long-running work such as download progress or log streaming.
     *
     * Raw byte payloads are delivered to the frontend as an `ArrayBuffer` rather than
     * a JSON value, so declare the channel as `Channel<ArrayBuffer>` when the Rust
     * side sends `tauri::ipc::InvokeResponseBody::Raw` — for example through a
     * `Channel<tauri::ipc::Response>` whose values are built with
     * `tauri::ipc::Response::new(bytes)`.
     *
     * @example
     * ```typescript
     * import { Channel, invoke } from '@tauri-apps/api/core';
     *
     * const onEvent = new Channel<string>();
     * onEvent.onmessage = (message) => {
     *   console.log(`got download event ${message}`);
     * };
     *
     * await invoke('download', { url: 'https://tauri.app', onEvent });
     * ```
     *
     * The matching Rust command:
     * ```rust
     * #[tauri::command]
     * async fn download(url: String, on_event: tauri::ipc::Channel<String>) -> tauri::Result<()> {
     *   on_event.send("started".to_string())?;
     *   on_event.send("finished".to_string())?;
     *   Ok(())
     * }
     * ```
     *
     * @since 2.0.0
     */
    class Channel {
        constructor(onmessage) {
            _Channel_instances.add(this);
            _Channel_onmessage.set(this, void 0);
            // the index is used as a mechanism to preserve message order
            _Channel_nextMessageIndex.set(this, 0);
            _Channel_pendingMessages.set(this, []);
            _Channel_messageEndIndex.set(this, void 0);
            __classPrivateFieldSet(this, _Channel_onmessage, onmessage || (() => { }));
            this.id = transformCallback((rawMessage) => {
                const index = rawMessage.index;
                if ('end' in rawMessage) {
                    if (index == __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")) {
                        this.cleanupCallback();
                    }
                    else {
                        __classPrivateFieldSet(this, _Channel_messageEndIndex, index);
                    }
                    return;
                }
                const message = rawMessage.message;
                // Process the message if we're at the right order
                if (index == __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")) {
                    __classPrivateFieldGet(this, _Channel_instances, "m", _Channel_deliver).call(this, message);
                    __classPrivateFieldSet(this, _Channel_nextMessageIndex, __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") + 1);
                    // process pending messages
                    while (__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") in __classPrivateFieldGet(this, _Channel_pendingMessages, "f")) {
                        const message = __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")];
                        __classPrivateFieldGet(this, _Channel_instances, "m", _Channel_deliver).call(this, message);
                        // eslint-disable-next-line @typescript-eslint/no-array-delete
                        delete __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")];
                        __classPrivateFieldSet(this, _Channel_nextMessageIndex, __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") + 1);
                    }
                    if (__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") === __classPrivateFieldGet(this, _Channel_messageEndIndex, "f")) {
                        this.cleanupCallback();
                    }
                }
                // Queue the message if we're not
                else {
                    // eslint-disable-next-line security/detect-object-injection
                    __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[index] = message;
                }
            });
        }
        cleanupCallback() {
            window.__TAURI_INTERNALS__.unregisterCallback(this.id);
        }
        /**
         * The handler called for every message sent by the Rust side of this channel.
         *
         * Assigning a new handler replaces the previous one; messages that arrived
         * before a handler was set are not replayed, so set it (or pass it to the
         * constructor) before sending the channel to the backend.
         */
        set onmessage(handler) {
            __classPrivateFieldSet(this, _Channel_onmessage, handler);
        }
        get onmessage() {
            return __classPrivateFieldGet(this, _Channel_onmessage, "f");
        }
        [(_Channel_onmessage = new WeakMap(), _Channel_nextMessageIndex = new WeakMap(), _Channel_pendingMessages = new WeakMap(), _Channel_messageEndIndex = new WeakMap(), _Channel_instances = new WeakSet(), _Channel_deliver = function _Channel_deliver(message) {
            try {
                __classPrivateFieldGet(this, _Channel_onmessage, "f").call(this, message);
            }
            catch (error) {
                // A throwing handler must not stall the channel: the message index would
                // never advance and every later message would stay queued. Rethrow
                // asynchronously so the error is still reported as uncaught.
                queueMicrotask(() => {
                    throw error;
                });
            }
        }, SERIALIZE_TO_IPC_FN)]() {
            return `__CHANNEL__:${this.id}`;
        }
        toJSON() {
            // eslint-disable-next-line security/detect-object-injection
            return this[SERIALIZE_TO_IPC_FN]();
        }
    }
    /**
     * Sends a message to the backend.
     * @example
     * ```typescript
     * import { invoke } from '@tauri-apps/api/core';
     * await invoke('login', { user: 'tauri', password: 'poiwe3h4r5ip3yrhtew9ty' });
     * ```
     *
     * @param cmd The command name.
     * @param args The optional arguments to pass to the command.
     * @param options The request options.
     * @return A promise resolving or rejecting to the backend response.
     *
     * @since 1.0.0
     */
    async function invoke(cmd, args = {}, options) {
        return window.__TAURI_INTERNALS__.invoke(cmd, args, options);
    }

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
            return await invoke(`plugin:hearken|${command}`, args);
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
        const onNotice = new Channel();
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

    return exports;

})({});
Object.defineProperty(window.__TAURI__, 'hearken', { value: __TAURI_PLUGIN_HEARKEN__ }) }
