// Package message holds the messages that hosts exchange, as plain values.
//
// It is ring 0. The state machines of ring 1 (views/vsync, failuredetect)
// speak in these values and never see bytes; internal/wire turns them into
// bytes and back and holds them against the limits of package views. So the
// rooms of ring 1 need not import each other (docs/adr/0002).
//
//	message    from -> to               phase     what it promises or asks
//	Heartbeat  member -> observers      always    I live in this view and have sent so many packets there
//	Ping       observer -> suspect      detect    answer at once if you are this process
//	Pong       suspect -> observer      detect    I am
//	Accuse     observer -> view         detect    the whole list of members I doubt, with the evidence
//	Hello      anyone -> anyone         discover  I exist, in this view
//	Introduce  member -> coordinator    discover  I hear this stranger, perhaps you do not
//	Ask        coordinator -> stranger  discover  who are you all?
//	Roster     stranger -> coordinator  discover  the members of my view (so both directions work)
//	Probe      coordinator -> member    discover  ping these strangers, tell me whom you reach
//	Reached    member -> coordinator    discover  these answered me
//	Refuse     coordinator -> stranger  discover  you may not come in, and why
//	Propose    coordinator -> invited   propose   promise me this ballot, stop sending, tell me what you hold
//	Answer     invited -> coordinator   flush     promised (on disk); I come from this view and hold this much
//	Nack       invited -> coordinator   flush     I promised a higher ballot
//	Hold       coordinator -> invited   flush     still at work, wait
//	Recover    coordinator -> subgroup  flush     complete yourselves up to this cut, from these holders
//	Catchup    coordinator -> invited   flush     you missed the install of this view; fetch it from there
//	Fetch      invited -> holder        flush     send me the install of this view
//	Install    coordinator -> invited   install   the view is decided; deliver up to the cut and install it
//	Relay      anyone -> third member   flush     pass this frame on
//	Abdicate   coordinator -> member    flush     you hear whom I do not; lead the change
//	Leave      leaver -> view           leave     take me out
//	Data       sender or holder -> view deliver   one packet of one member's stream
//	Resend     receiver -> holder       deliver   I miss these packets
//	Ack        member -> coordinator    deliver   I hold so much of each stream and leave so much room (to all where a safe one is under way)
//	Stable     coordinator -> view      deliver   everyone holds so much of each stream; the least room, and whose it is
//	Request    sender -> coordinator    deliver   I want so many places in the agreed order
//	Grant      coordinator -> sender    deliver   these places are yours
//	Transfer   donor <-> joiner         state     a piece of an application's state, or a word about it (views/transfer)
//	Piece      as what it is of         any       a part of a message that is longer than a frame
//	Unheard    member -> member         always    I hear you, but for so long nothing of yours by multicast
//	Spoken     member -> member         always    there was (not) something to hear; I send you copies by unicast
//	Echo       member -> member         always    this frame is so long; did it come? (of a row: count those that come)
//	EchoReply  member -> member         always    it came, so long; so many of yours did
//	Report     host <-> host            always    what I see of my links, and what do you? (the doctor's)
//	Signed     as what it is of         any       a message of those above, by the key whose hash the sender's id is
//	Keys       member -> view           keys      I have these keys and seal with that one
//	KeyAsk     anyone -> anyone         keys      give me your ring, in a box for this fresh key
//	KeyGrant   anyone -> asker          keys      here it is
//
// Slices in a message belong to the message; nobody changes them after it was
// sent or received. But a Data or Transfer that was decoded is the frame's:
// it, and its Body, hold until the next one is.
package message
