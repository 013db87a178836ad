// @ts-check
import { Banner } from './banner.js'
import { Details } from './details.js'
import { Devices } from './devices.js'
import { byId, clock, get, setIcon, write } from './dom.js'
import { Meters } from './meters.js'
import { Takes } from './takes.js'
import { Waveform } from './waveform.js'

/** @import { Notice, Picture, Status } from 'tauri-plugin-hearken-api' */

const { hearken } = window.__TAURI__
const PRE_ROLL_MS = 2000
/** Louder than this is somebody speaking, for the hint: -45 dBFS. */
const SOUND = 0.0056

const banner = new Banner()
const meters = new Meters(byId('meters'))
const waveform = new Waveform(get('waveform', HTMLCanvasElement))
const takes = new Takes(failed)
const devices = new Devices(() => act(hold))
const details = new Details(hearken.status)
const puller = hearken.follow(show)
const preRoll = get('pre-roll', HTMLInputElement)
const [record, pause, mute, elapsed] = [byId('record'), get('pause', HTMLButtonElement), byId('mute'), byId('elapsed')]

/** @type {Status['state']} */
let state = 'closed'
let isMuted = false
let hasHeard = false
let isOpening = false
let isTalking = false
/** The microphone went away during this take. */
let isLost = false

// One thing after the other, however fast somebody clicks.
let doing = Promise.resolve()
const act = (/** @type {() => Promise<unknown>} */ what) => (doing = doing.then(what).then(() => {}, failed))

/** @param {unknown} reason */
function failed(reason) {
  isOpening = false
  tell()
  banner.failed(hearken.HearkenError.from(reason))
}

const isRecording = () => state === 'recording' || state === 'paused'

/** Opens the device ahead of time where takes are to begin early, and lets go of it where not. */
async function hold() {
  if (preRoll.checked) apply(await hearken.open(devices.id))
  else if (state !== 'closed') apply(await hearken.close())
  puller.wake()
}

async function start() {
  if (isRecording()) return
  takes.hush()
  banner.forget()
  ;[hasHeard, isOpening] = [false, true]
  tell()
  const request = { device: devices.id, preRollMs: preRoll.checked ? PRE_ROLL_MS : 0 }
  try {
    await hearken.startTake(request)
  } catch (reason) {
    const { kind } = hearken.HearkenError.from(reason)
    if (request.device === null || (kind !== 'notFound' && kind !== 'noDevice')) throw reason
    await hearken.startTake({ ...request, device: null })
    const text = 'The default microphone records in its place. It is used again as soon as it is back.'
    banner.say('instead', { tone: 'fair', title: `${devices.name} is not connected`, text })
  }
  isOpening = false
  if (!preRoll.checked) waveform.clear()
  puller.wake()
}

async function finish() {
  if (!isRecording()) return
  const asked = performance.now()
  const take = await hearken.finishTake()
  details.took(take, performance.now() - asked)
  takes.add(take)
}

async function discard() {
  if (isRecording()) apply(await hearken.cancelTake())
}

async function togglePause() {
  if (isRecording()) apply(await (state === 'paused' ? hearken.resume() : hearken.pause()))
}

async function toggleMute() {
  apply(await hearken.mute(!isMuted))
}

/** @param {Status} status */
function apply(status) {
  ;[state, isMuted] = [status.state, status.muted]
  document.body.dataset.state = state
  pause.disabled = !isRecording()
  pause.setAttribute('aria-pressed', String(state === 'paused'))
  setIcon(pause, state === 'paused' ? 'resume' : 'pause')
  mute.setAttribute('aria-pressed', String(isMuted))
  setIcon(mute, isMuted ? 'mic-off' : 'mic')
  byId('record-label').textContent = isRecording() ? 'Stop' : 'Record'
  record.setAttribute('title', isRecording() ? 'Stop (R)' : 'Record (R), or hold the space bar')
  byId('discard').hidden = !isRecording()
  if (!isRecording()) write(elapsed, clock(0))
  if (state === 'closed') meters.show([])
  if (!isRecording()) {
    isLost = false
    for (const about of ['lost', 'back']) banner.clear(about)
  }
  puller.wake()
  tell()
}

/** The line under the clock. */
function tell(away = false) {
  let hint = 'Ready'
  if (isOpening) hint = 'Opening the microphone…'
  else if (away) hint = 'Waiting for the microphone…'
  else if (isMuted) hint = isRecording() ? 'Muted: silence is recorded' : 'Muted'
  else if (state === 'paused') hint = 'Paused'
  else if (state === 'recording') hint = hasHeard ? 'Recording' : 'Speak now'
  else if (state === 'open') hint = 'Listening, not recording'
  write(byId('hint'), hint)
}

/** @param {Picture} picture */
function show(picture) {
  waveform.show(picture)
  meters.show(picture.open ? picture.channels : [])
  if (picture.state === 'recording' || picture.state === 'paused') write(elapsed, clock(picture.elapsedMs))
  if (picture.channels.some(({ peak }) => peak > SOUND)) hasHeard = true
  if (picture.away && isRecording()) lose()
  else banner.clear('lost')
  if (picture.state === 'recording' && !picture.away && !picture.muted) banner.sound(picture.verdict)
  tell(picture.away)
}

function lose() {
  isLost = true
  banner.lost()
}

/** @param {Notice} notice */
function hear(notice) {
  switch (notice.event) {
    case 'state':
      return apply(notice.status)
    case 'lost':
      if (isRecording()) lose()
      return void devices.refresh()
    case 'reopened':
      // Every take opens the device anew where it was let go of.
      if (isLost) banner.back(notice.device.name.replaceAll('\n', ', '))
      isLost = false
      return void devices.refresh()
    case 'silent':
      return banner.say('silent', { tone: 'bad', title: 'Nothing arrives', text: 'The microphone is open and delivers nothing. It is opened anew if that goes on.' }, 5000)
    case 'verdict':
      return takes.add(notice.take)
    case 'ended':
      return banner.say('ended', { tone: 'bad', title: 'The recording has ended', text: `What there was is kept. (${notice.message})` })
  }
}

/** @param {KeyboardEvent} event */
function isForControl({ target, ctrlKey, altKey, metaKey }) {
  return ctrlKey || altKey || metaKey || (target instanceof Element && target.matches('select, input, summary, summary *'))
}

document.addEventListener('keydown', (event) => {
  if (event.repeat || isForControl(event)) return
  if (event.key === ' ' && !(event.target instanceof HTMLButtonElement)) {
    event.preventDefault()
    if (isRecording() || isTalking) return
    isTalking = true
    void act(start)
  } else if (event.key === 'r') void act(isRecording() ? finish : start)
  else if (event.key === 'p') void act(togglePause)
  else if (event.key === 'm') void act(toggleMute)
})

// The key may be let go of while another window has the keyboard.
const letGo = () => {
  if (isTalking) void act(finish)
  isTalking = false
}
document.addEventListener('keyup', (event) => event.key === ' ' && letGo())
window.addEventListener('blur', letGo)

record.addEventListener('click', () => act(isRecording() ? finish : start))
pause.addEventListener('click', () => act(togglePause))
mute.addEventListener('click', () => act(toggleMute))
byId('discard').addEventListener('click', () => act(discard))
preRoll.addEventListener('change', () => {
  localStorage.setItem('preRoll', String(preRoll.checked))
  void act(hold)
})

preRoll.checked = localStorage.getItem('preRoll') === 'true'
void act(async () => {
  await hearken.watch(hear)
  apply(await hearken.status())
  await Promise.all([devices.refresh(), takes.load()])
  if (preRoll.checked) await hold()
  document.body.dataset.ready = 'true'
})
