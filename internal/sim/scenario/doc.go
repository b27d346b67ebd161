// Package scenario plays text films: a file of commands to a simulated cluster,
// each followed by what happened. The films stand in testdata/scenarios; each
// begins with the rule that it shows and where the rule comes from. Run
//
//	go test ./internal/sim/scenario            plays all of them
//	go test ./internal/sim/scenario -rewrite   writes down what happens now
//
// and read the difference before it is committed. The films need no golden
// text to fail: "check" runs the property checkers, and the expect- commands
// fail the test whatever is written below them.
//
// # What a film says
//
// One line says what a set of hosts did: "1 2 3: view {1 2 3} join". Hosts are
// named by their numbers, which are also the order of their ids. Seqs, times
// and positions are left out, so a changed timing does not change a film;
// "show" adds kinds of line.
//
// # Commands
//
// SET is numbers "1,3", or all, coord (who leads the largest view), rest (all
// but coord), spare. LINK is SET->SET. TYPE is a message of package message,
// or any.
//
//	add-hosts N [sealed] [start=off] [transport=udp] [star] [tether=off] [delay=D] [loss=PPM] [seed=S] [window=BYTES] [state=BYTES]
//	start SET, restart SET      a daemon begins a new incarnation
//	churn SET                   started anew again and again: views pass, nothing is told
//	advance D                   time passes
//	stabilize [max=D]           time passes until nothing has happened for 3 s
//	partition SET SET ...       no frame passes between the sets
//	cut LINK / mend LINK        one direction
//	heal                        mends every cut, drop and hold
//	multicast out|in SET        multicast of, or to, the set is lost; heal ends it
//	crash SET [power]           killed; with power nobody's kernel says so
//	pause SET / resume SET      as SIGSTOP and SIGCONT
//	wipe SET                    killed; the next start has a new identity
//	snapshot SET / rollback SET keep the state directory / killed, put it back
//	clone SET [twins]           a copy comes up on the spare machine
//	leave SET / evict SET by=SET [keep-keys]
//	send SET fifo|agreed|safe TEXT [count=N] [group=G] [port=P] [len=N]
//	join SET port=P [group=G] [block] [state]   a client of each host joins G, which is g by
//	                            default; with state it wants that of the group
//	trouble SET KIND [after=N]  the next state that each gives or takes goes wrong behind N reads
//	                            or writes: refuse, silent, hang, read, short, damage, false, sum,
//	                            leave, gone; write, seal, kept at who takes it
//	part SET port=P [group=G] [why=left|cut]
//	port-gone SET port=P        it goes without a word
//	ready SET port=P [group=G]  it has stopped sending, as it was asked
//	backlog SET BYTES           the application of each host is so far behind
//	keys SET install|use N|remove N   and give, expect-keys: see keys.go
//	set-bits SET started,has-db,synced|none
//	set-attr SET KEY=VALUE
//	evidence SET of=SET closed|refused|replaced|none
//	fail-disk SET / slow-disk SET D
//	drop LINK TYPE [n=N]        lose the next N such frames, or all until heal
//	hold LINK TYPE / release    keep such frames / let them arrive now
//	replay LINK TYPE            remember such frames / resend them all
//	crash-when SET sends|receives TYPE [n=K]
//	                            the N-th such frame is not sent (or is the last
//	                            one received), and the host is killed there
//	views                       the current views
//	status SET                  what the engine says of itself
//	show KIND ... / hide KIND ...   suspect phase block send deliver bits join drop laggard
//	expect-view SET             they are in one view of exactly them
//	expect-alone SET            each is in a view of itself
//	expect-down SET
//	expect-delivered SET N      each has delivered N messages since the last such command
//	expect-installs SET MAX     each has installed at most so many views since the last such command
//	expect-group SET G HOST.PORT,...   the ports of each are in this view of the group; none: in no view
//	expect-given SET N          the ports of each were given N messages since the last such command
//	expect-states SET N         the ports of each have taken N states since the last such command
//	expect-slowest SET HOST|none   each knows who lets nothing be under way
//	check                       the property checkers; ends the film
package scenario
