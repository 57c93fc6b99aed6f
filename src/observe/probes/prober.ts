// Probes between this node and each other, on each path that there is: asks, answers, and knows what came of it. Lives
// in the agent's main thread; the kernel stamps arrivals, so that waiting for the event loop is no part of a round trip.

import type { Clock } from '../../base/clock.ts'
import { familyOf } from '../../base/ip.ts'
import type { Fault } from '../../base/result.ts'
import { type Datagram, realTime, type UdpSocket } from '../../kernel/udp_socket.ts'
import type { PathHealth } from '../../plan/path_health.ts'
import type { PathKind, Peer } from '../../plan/peers.ts'
import type { Uplink } from '../../plan/uplink.ts'
import { AnswerBudget } from './answer_budget.ts'
import { BareProbes, sendBare } from './bare.ts'
import { copiesFor } from './mtu_search.ts'
import { Outstanding, PATIENCE_MS, type Question } from './outstanding.ts'
import {
  type Moment,
  nanosecondsBetween,
  type Probe,
  type ReadProbe,
  readProbe,
  SMALLEST,
  writeProbe,
} from './packet.ts'
import {
  beginRound,
  healthOf,
  lossNow,
  nextAsk,
  noteAsked,
  type PathState,
  searchFrom,
} from './path_state.ts'
import { farewell, heardOf, learn, Peers, type ProbedPeer } from './peers.ts'
import { smallBytes, TRAIN_CARS, writeQuestions } from './question.ts'
import { endRound, recordOutcome } from './record.ts'
import { intervalMs, Schedule, TICK_MS } from './schedule.ts'
import { ProbeSockets } from './sockets.ts'

export type PathMeasures = PathHealth & {
  readonly mtuBytes: number
  /** How many of the last hundred there were, and which share of them was lost. */
  readonly probes: number
  readonly loss: number | undefined
  readonly rttUs: { readonly p50: number; readonly p99: number } | undefined
}

type UplinkFacts = Pick<Uplink, 'name' | 'mtuBytes'>

/** Silence for so long, or for some turns where they are rarer, is no chance. */
const SILENCE_MS = 3_000
/** Waiting for a search's round on a path that answers fast. */
const ROUND_MS = 200
const NO_TIME = { seconds: 0, nanoseconds: 0 }

export class Prober {
  readonly #port: number
  readonly #spoilt: () => ReadonlySet<string>
  readonly #bare = new BareProbes()
  readonly #clock: Clock
  readonly #sockets: ProbeSockets
  readonly #peers: Peers
  readonly #outstanding = new Outstanding()
  readonly #schedule = new Schedule()
  readonly #timer: NodeJS.Timeout
  readonly #answer = Buffer.alloc(SMALLEST)
  /** Those with a socket. */
  #askable: readonly PathState[] = []
  readonly #answers = new AnswerBudget()
  #isClosed = false

  /** @param spoilt peers whose tunnel is helped by the stack, because a device spoils what is left to it */
  constructor(port: number, clock: Clock, spoilt: () => ReadonlySet<string> = () => new Set()) {
    this.#port = port
    this.#spoilt = spoilt
    this.#peers = new Peers(port)
    this.#clock = clock
    this.#sockets = new ProbeSockets(port, (...what) => this.#receive(...what))
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  get faults(): readonly Fault[] {
    return this.#sockets.faults
  }

  /** To be called after every look at the kernel: peers come and go. */
  update(peers: readonly Peer[], uplink: UplinkFacts | undefined): void {
    this.#peers.update(uplink ? peers : [], uplink?.mtuBytes ?? 0, this.#clock.nowMs())
    this.refresh(uplink)
  }

  /** Devices are made anew. */
  refresh(uplink: UplinkFacts | undefined): void {
    if (this.#isClosed) return
    this.#sockets.refresh(uplink?.name, this.#peers.directFamilies())
    this.#askable = this.#peers.paths.filter((p) => this.#sockets.of(p.target.kind, p.target.to))
  }

  /** Of the paths of which something was learnt since the last call: of a thousand peers that is a few. */
  news(): readonly PathHealth[] {
    const fresh = this.#askable.filter((p) => p.isNews)
    for (const path of fresh) path.isNews = false
    return fresh.map((path) => {
      const isSeen = path.isSeenBare || !this.#bare.isConcerned(path.target)
      path.isSeenBare = false
      const health = this.#healthOf(path)
      // What helped probes say of the device is what was known before: nothing new.
      return isSeen ? health : { ...health, checksum: 'unknown', large: 'unknown' }
    })
  }

  /** Of each path that there is: one through a tunnel device that does not stand is none. */
  measures(): readonly PathMeasures[] {
    return this.#askable.map((path) => ({
      ...this.#healthOf(path),
      mtuBytes: path.target.mtuBytes,
      probes: path.samples.count,
      loss: path.samples.loss,
      rttUs: path.samples.rttUs,
    }))
  }

  /** Peers are told, so that an agent's end does not look like a broken path. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const path of this.#peers.paths) {
      if (path.heardNonce === undefined) continue
      writeProbe(this.#answer, {
        ...this.#head(path, false),
        type: 'farewell',
        nonce: path.heardNonce,
        sizeBytes: SMALLEST,
      })
      this.#sockets.of(path.target.kind, path.target.to)?.send(path.where, this.#answer)
    }
    this.#sockets.close()
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs()
    this.#answers.renew()
    this.#sockets.tick()
    for (const question of this.#outstanding.expired(nowMs)) this.#record(question, undefined, false)
    this.#lookForSpoilt()
    for (const path of this.#askable)
      if (path.search && path.search.untilMs <= nowMs && endRound(path)) this.#searchOn(path, nowMs)
    this.#schedule.tick(this.#askable, nowMs, (path) => this.#probe(path, nowMs))
  }

  #probe(path: PathState, nowMs: number): number {
    const { ask, isBare } = this.#bare.turn(nextAsk(path), path.target, nowMs)
    path.turn++
    const go = (work: () => number): number => (isBare ? sendBare(work) : work())
    const small = smallBytes(familyOf(path.target.to))
    switch (ask) {
      case 'search':
        path.search = { range: searchFrom(path), tried: [], arrived: new Set(), untilMs: nowMs }
        return this.#searchOn(path, nowMs)
      case 'full':
        return this.#ask(path, ask, path.trueMtuBytes ?? path.target.mtuBytes, nowMs)
      case 'train':
        return go(() => this.#ask(path, ask, path.trueMtuBytes ?? small, nowMs, { cars: TRAIN_CARS, isBare }))
      default:
        return go(() => this.#ask(path, ask, small, nowMs, { cars: 1, isBare }))
    }
  }

  #searchOn(path: PathState, nowMs: number): number {
    if (!path.search) return 0
    const isFast = (path.samples.rttUs?.p99 ?? Number.POSITIVE_INFINITY) < (ROUND_MS * 1000) / 4
    const sizes = beginRound(path, path.search.range, nowMs + (isFast ? ROUND_MS : PATIENCE_MS))
    const copies = copiesFor(lossNow(path))
    for (const size of sizes) for (let i = 0; i < copies; i++) this.#ask(path, 'search', size, nowMs)
    return sizes.length * copies
  }

  #ask(
    path: PathState,
    ask: Question['ask'],
    sizeBytes: number,
    nowMs: number,
    { cars, isBare } = { cars: 1, isBare: false },
  ): number {
    const { kind, to } = path.target
    const socket = this.#sockets.of(kind, to)
    if (!socket) return 0
    const isUnsummed = ask === 'unsummed'
    const head = this.#head(path, isUnsummed)
    const written = writeQuestions(socket.family, sizeBytes, cars, () => this.#outstanding.nonce(), head)
    const { nonces, bytes, payloadBytes } = written
    const train = cars > 1 ? { waiting: nonces.length, arrived: 0, cars: nonces.length } : undefined
    const sentAt = realTime()
    const options = { isUnsummed, ...(train ? { segmentBytes: payloadBytes } : {}) }
    const errno = socket.send(path.where, bytes, options)
    // What this host itself refuses to send as one packet says nothing of the path.
    if (errno !== 0 && train) return 1
    const question = { path, ask, sizeBytes, sentAt, sentMs: nowMs, train, isBare }
    for (const nonce of nonces) {
      this.#outstanding.add(nonce, question)
      if (ask === 'summed' || ask === 'unsummed') noteAsked(path, nonce)
    }
    return nonces.length
  }

  #healthOf(path: PathState): PathHealth {
    const patienceMs = Math.max(SILENCE_MS, 4 * intervalMs(this.#askable.length))
    return healthOf(path, this.#clock.nowMs(), patienceMs, this.#peers.lastHeardMs(path.target.peer))
  }

  #head(path: PathState, isUnsummed: boolean): Omit<Probe, 'nonce' | 'sizeBytes'> {
    const { kind, peer } = path.target
    const heard = heardOf(this.#peers.get(peer), this.#clock.nowMs())
    return { type: 'question', kind, isUnsummed, isSpoilt: false, received: NO_TIME, sent: NO_TIME, heard }
  }

  #receive(kind: PathKind, datagram: Datagram, socket: UdpSocket): void {
    const peer = datagram.port === this.#port ? this.#peers.bySender(kind, datagram.from) : undefined
    const path = peer?.paths[kind]
    if (!peer || !path) return
    const read = readProbe(datagram.bytes)
    if (read?.probe.kind !== kind) return
    const { probe } = read
    if (probe.type === 'farewell') {
      farewell(peer, path, read)
      return
    }
    learn(peer, path, read, this.#clock.nowMs())
    if (probe.type === 'answer') this.#answered(path, datagram, read)
    else if (this.#answers.take(peer.name)) this.#reply(peer, socket, datagram.at, read)
  }

  #reply(peer: ProbedPeer, socket: UdpSocket, at: Moment, { probe, isWhole }: ReadProbe): void {
    const { isUnsummed } = probe
    const heard = heardOf(peer, this.#clock.nowMs())
    const times = { received: at, sent: realTime() }
    writeProbe(this.#answer, { ...probe, ...times, type: 'answer', isSpoilt: !isWhole, heard })
    socket.reply(this.#answer, { isUnsummed })
  }

  #answered(path: PathState, { at }: Datagram, { probe, isWhole }: ReadProbe): void {
    const question = this.#outstanding.take(probe.nonce, path)
    if (!question) return
    const ns = nanosecondsBetween(question.sentAt, at) - nanosecondsBetween(probe.received, probe.sent)
    // A clock that was set meanwhile makes nonsense of it: neither a round trip nor a loss.
    if (ns <= 0 || ns > PATIENCE_MS * 1e6) return
    this.#record(question, ns, isWhole && !probe.isSpoilt)
  }

  #record(question: Question, ns: number | undefined, isWhole: boolean): void {
    recordOutcome(question, ns, isWhole)
    if (question.isBare) this.#bare.came(ns !== undefined && isWhole)
  }

  /** Peers that are gone have no say in it, whatever is remembered of them. */
  #lookForSpoilt(): void {
    const spoilt = this.#spoilt()
    const isSpoilt = ({ target }: PathState): boolean => target.kind === 'vxlan' && spoilt.has(target.peer)
    this.#bare.concern(spoilt.size === 0 ? [] : this.#askable.filter(isSpoilt).map((p) => p.target.peer))
  }
}
