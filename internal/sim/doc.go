// Package sim runs the shipped engine under virtual time: clusters of hosts with
// clocks, disks and a network that all misbehave as a seed says, watched by the
// property checkers of package check.
//
// The method is that of FoundationDB and TigerBeetle: one thread, one heap of
// events by (time, order of push), no source of chance but the seed. A run is a
// function of its [Task]: two runs give one [World.Hash], and a failing seed is
// the whole bug report. What the daemon does around the engine (write the log,
// sync the disk, send, deliver, arm the timer) a [Host] does here, in the same
// order.
//
// # What is modelled
//
//	network   each direction of each link by itself: delay (a minimum plus an
//	          exponential part), loss, duplicates that may come seconds later, overtaking,
//	          clogs that hold and release, cuts, a longest frame, a bounded number in
//	          flight. Multicast is a path of its own: lost for all at the sender or for
//	          one receiver, blocked on a host in one direction while unicast works. With
//	          configured peers, what is for all goes one by one
//	hosts     an address, a clock with any offset that runs up to 1 % wrong, a state
//	          directory. Daemons are killed, stopped and resumed (what arrived waits in a
//	          bounded buffer and comes at once; the timer may fire before or after),
//	          restarted, leave, are evicted; machines lose power
//	disk      the daemon's own state directory (package stable) in memory. A write
//	          takes time, may take long, may fail; a crash keeps what was synced, any
//	          number of the first writes under way, and any part of the next
//	identity  a wiped directory, a copy that runs beside the original (with a later
//	          incarnation or the same), an old copy put back
//	kernels   a watcher is told that a connection closed, that a port refuses, that a
//	          successor answers; late, or not at all, or falsely
//	drivers   within the engine's contract: a slow answer of the disk, a timer that
//	          fires early or late, buffers reused at once
//	timings   a fifth of the seeds has them a tenth to ten times as long, for all
//	          hosts, and the bounds of liveness with them
//	use       messages of all orders and many sizes to several groups, in bursts, and
//	          changes of bits and attributes
//	clients   ports that join and leave light groups, a few or hundreds, die, are cut,
//	          answer when they are asked to stop, or do not; that send alone and in
//	          batches, messages of up to 256 KiB too, in one of thirty seeds of up to
//	          700 KiB; much of it while a group changes. Applications that fall behind,
//	          while others send all they can
//	states    in two of five seeds with clients joins that want the state of the group.
//	          An application is a hash over the placed messages it was given, in bytes
//	          of up to 3 MiB, so that a state which lacks a message, or has one too
//	          many, shows. Donors that refuse, say nothing, hang, break, end early, send
//	          other bytes or another sum, leave, or die with client, daemon or link;
//	          joiners whose disk is full, fails or hangs, or that die. The joiner's file
//	          stays for the next donor. What waits for a state has little room
//	keys      in one seed of four frames are sealed. Hosts have files with rings, which
//	          take time to write and fail; old ones come back with old directories.
//	          Operators install, use and remove keys at any host, expel, and give the
//	          ring by hand to whom the product does not promise that it comes back by
//	          itself, and to nobody else. Frames are changed on their way, and an attacker
//	          says what he has recorded again, to anybody, in any name, much later
//
// # What is not
//
// In plain worlds frames are lost or repeated but not changed: bytes from strangers are
// the business of the fuzz tests of internal/wire. Who has the keys and lies is that of
// the tests of internal/engine. Addresses do not change while a
// daemon runs. Hosts compute in no time; slowness is a pause. The meta storage
// and databases come with their parts.
//
// # A run
//
// First the safety phase: faults drawn for the seed (see [Swarm]: swarm
// testing, so each seed lets a random half of the fault classes in, at random
// intensities) while every record goes through the checkers. Then liveness: a
// random core of hosts is healed for good while the others stay dead, stopped,
// cut off, deaf or mute for ever. The core must come to one view of exactly
// itself, keep it, and deliver all that is sent in it. At last everything is
// healed and the same is demanded of all. Uniformly random faults would heal
// the very asymmetry that makes a protocol livelock; hence the core.
//
// A run in which too little happened is no proof: see [Result.Idle]. A process
// id that is used twice in a way nobody could have noticed ends a run early (one
// seed in a hundred): see [Result.Over].
//
// Besides the properties of package check, the world fails what only it can see:
// an engine that installs what its disk does not know (disk), whose log and
// deliveries differ (log), that asks to be called for ever (progress) or breaks
// the driver's contract (driver), and copies that are let in or never told (J5);
// that gives a port views of a group of which it was told that it is out (GV8), or
// in the stable window leaves a port elsewhere than it wants to be (GV7); senders
// that go on although a receiver lets nothing be under way (flow); a state that no
// application gives (GV9). And the fate of each message that is submitted (fate):
// success once, in the step in which it is delivered at its own host as it was
// submitted, or an error of sending, and then it never is; only a host that ends
// otherwise than taken out by its own leave owes an answer.
// In sealed worlds: that a frame goes out plain that is no notice, opens twice, or is
// taken for forged though nobody has changed it, and that a member does not understand
// another's key (seal); that a settled group has not one ring (keys).
//
// # Finding and keeping
//
// cmd/simulate runs and replays seeds; [Shrink] makes a failing one short. Kept
// seeds stand in testdata/seeds and are replayed by the tests for ever.
// testdata/mutants holds planted bugs that cmd/mutants must see caught. Package
// scenario plays hand-written films on the same world.
//
// # Speed
//
// An event costs well under a microsecond besides the engine: no closure and no
// pointer in the heap, frames pooled and counted, addresses that are numbers,
// and a deadline that moves later is not touched in the heap. BenchmarkSeed
// prints what it comes to.
package sim
