// The bindings as they are shipped, against the bytes that the plugin's own test packs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test as begin } from 'node:test'
import { decodePicture, HearkenError, PicturePuller } from '../../dist-js/index.js'

/** Pullers of the test that runs: one that still pulled after it failed would keep the process from ending. */
const pullers = []
const pulling = (...parts) => {
  const puller = new PicturePuller(...parts)
  pullers.push(puller)
  return puller
}

const test = (promise, what) =>
  begin(promise, { timeout: 20_000 }, async () => {
    try {
      await what()
    } finally {
      delete globalThis.document
      for (const puller of pullers.splice(0)) puller.rest()
    }
  })

const hex = readFileSync(new URL('./picture.hex', import.meta.url), 'utf8').trim()
const packed = () => Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)).buffer

test('a picture is decoded as it was packed', () => {
  const picture = decodePicture(packed())
  assert.deepEqual(
    { ...picture, flags: [...picture.flags.slice(-2)], shape: [...picture.shape.slice(-4)] },
    {
      state: 'recording',
      muted: true,
      away: false,
      open: true,
      elapsedMs: 1234,
      missing: 5_000_000_000,
      sequence: 70_000,
      channels: [
        { peak: 0.5, rms: 0.25, held: 0.5 },
        { peak: 1, rms: 0.125, held: 1 },
      ],
      verdict: 'too_quiet',
      voice: -1,
      column: 1,
      flags: [0, 9],
      shape: [0, 0, -32767, 32767],
    },
  )
})

test('bytes of another version are refused', () => {
  const other = packed()
  new Uint8Array(other)[0] = 2
  assert.throws(() => decodePicture(other), TypeError)
  assert.throws(() => decodePicture(packed().slice(1)), TypeError)
})

test('a refusal of any kind has a kind', () => {
  const kind = (reason) => HearkenError.from(reason).kind
  assert.equal(kind({ kind: 'unknownTake', message: 'there is no such take' }), 'unknownTake')
  assert.equal(kind('hearken.start_take not allowed on window "x"'), 'notAllowed')
  assert.equal(kind('invalid args `request` for command `start_take`'), 'badArgument')
  assert.equal(kind(new Error('something else')), 'internal')
})

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

test('at most 30 pictures a second are asked for, one at a time', async () => {
  let [asked, underWay, most] = [0, 0, 0]
  const pull = async () => {
    asked += 1
    most = Math.max(most, ++underWay)
    await pause(1)
    underWay -= 1
    return { ...decodePicture(packed()) }
  }
  const puller = pulling(pull, () => puller.wake())
  for (let call = 0; call < 100; call += 1) puller.wake()
  await pause(1000)
  puller.rest()
  assert.ok(asked > 5 && asked <= 31, `${asked} pictures`)
  assert.equal(most, 1)
  const before = asked
  await pause(100)
  assert.equal(asked, before, 'it rests')
})

test('nothing is asked for while nothing is open, or the page is hidden', async () => {
  let asked = 0
  const pull = async () => {
    asked += 1
    return { ...decodePicture(packed()), state: 'closed', open: false }
  }
  const puller = pulling(pull, () => {})
  puller.wake()
  await pause(150)
  assert.equal(asked, 1)
  globalThis.document = { hidden: true }
  puller.wake()
  await pause(50)
  assert.equal(asked, 1)
})

test('each of several windows has one picture under way, however slow another is', async () => {
  const viewer = (takesMs) => {
    const seen = { shown: 0, underWay: 0, most: 0 }
    const pull = async () => {
      seen.most = Math.max(seen.most, ++seen.underWay)
      await pause(takesMs)
      seen.underWay -= 1
      return decodePicture(packed())
    }
    return { seen, puller: pulling(pull, () => (seen.shown += 1)) }
  }
  const [quick, slow] = [viewer(1), viewer(400)]
  for (const { puller } of [quick, slow]) puller.wake()
  await pause(1000)
  assert.ok(quick.seen.shown > 5 && slow.seen.shown <= 3, `${quick.seen.shown} and ${slow.seen.shown} pictures`)
  assert.deepEqual([quick.seen.most, slow.seen.most], [1, 1])
})

test('a page that is hidden asks for nothing more, and goes on when it is seen again', async () => {
  const page = Object.assign(new EventTarget(), { hidden: false })
  globalThis.document = page
  let asked = 0
  const pull = async () => {
    asked += 1
    return decodePicture(packed())
  }
  const turn = (hidden) => {
    page.hidden = hidden
    page.dispatchEvent(new Event('visibilitychange'))
  }
  pulling(pull, () => {}).wake()
  await pause(200)
  turn(true)
  const before = asked
  assert.ok(before > 1, `${before} pictures`)
  await pause(200)
  assert.equal(asked, before)
  turn(false)
  await pause(200)
  assert.ok(asked > before, 'it does not go on')
})
