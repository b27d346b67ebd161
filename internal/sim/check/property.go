package check

// Property names one checked promise.
type Property uint8

// The properties. The codes in the report and the statements are in the table below.
const (
	LogCount Property = iota
	LogTime
	LogStart
	LogFirstView
	LogEnd
	LogIncarnation
	LogReadable
	SelfInclusion
	LocalMonotonicity
	ViewAgreement
	InitialView
	OneIncarnation
	MergeView
	PrimaryUniqueness
	TransitionalSet
	DeliveryIntegrity
	NoDuplication
	SameView
	SendingView
	VirtualSynchrony
	Successors
	SelfDelivery
	FIFOOrder
	CausalOrder
	TotalOrder
	ReliableOrder
	SafeDelivery
	BlockWindow
	InstallOnce
	PreviousView
	CoordinatorRank
	SeqRises
	ReasonFits
	PositionRises
	PositionUnique
	PositionClass
	TransitionalGap
	BitsAgree
	BitsMember
	BitsCarried
	GroupsApart
	JoinAccepted
	CloneRefused
	Precision
	DeliveredByAll
	NoFlap
	Finished
	Accuracy
	GroupAgreement
	GroupRises
	GroupSelf
	GroupTransitional
	GroupSynchrony
	GroupSender
	GroupSettled
	GroupParted
	StateAtCut
	StateWish
	propertyEnd
)

var properties = [propertyEnd]struct{ code, says string }{
	LogCount:          {"LOG1", "n counts up by one in each incarnation"},
	LogTime:           {"LOG2", "t never falls in an incarnation"},
	LogStart:          {"LOG3", "the first record of an incarnation is start"},
	LogFirstView:      {"LOG4", "the first view has no predecessor and holds only its host"},
	LogEnd:            {"LOG5", "nothing is logged after stop, crash or the next incarnation"},
	LogIncarnation:    {"LOG6", "a host's incarnations rise"},
	LogReadable:       {"LOG7", "every line of a log file is a record, but for one torn by a crash"},
	SelfInclusion:     {"P1", "who installs a view is in it"},
	LocalMonotonicity: {"P2", "a host installs rising view ids, across restarts too"},
	ViewAgreement:     {"P3", "one view id, one view: members by rank, bits, kind, reason, subgroups"},
	InitialView:       {"P4", "nothing is sent, delivered or ordered before the first install"},
	OneIncarnation:    {"P5", "a view holds a host once, and no older incarnation after a newer one"},
	MergeView:         {"P6", "subgroups are disjoint, cover the members, and name where each came from"},
	PrimaryUniqueness: {"P7", "one epoch, one lineage of views; a host's epochs never fall"},
	TransitionalSet:   {"P9", "the transitional set is those who came along from the same view, alike at all of them"},
	DeliveryIntegrity: {"P10", "what is delivered was sent, by its sender, unchanged"},
	NoDuplication:     {"P11", "a message is sent once and delivered at most once"},
	SameView:          {"P12", "all deliver a message in the same view"},
	SendingView:       {"P13", "a message is delivered in the view in which it was sent, which is the current one"},
	VirtualSynchrony:  {"P14", "who goes from one view to the same next one has delivered the same set"},
	Successors:        {"P15", "whom a host counts in its transitional set installs the same view, or crashed or was cut off"},
	SelfDelivery:      {"P16", "who sends and installs the next view has delivered its own"},
	FIFOOrder:         {"P17", "each sender's messages of one order arrive in sequence without a gap"},
	CausalOrder:       {"P18", "an agreed message follows what its sender had delivered before"},
	TotalOrder:        {"P19", "one order of agreed messages that every delivery sequence follows"},
	ReliableOrder:     {"P20", "outside the transitional part nothing that others delivered before is missing"},
	SafeDelivery:      {"P21", "what one host delivers as safe all hosts with members of its group deliver in that view, or end there"},
	BlockWindow:       {"P22", "block, install, unblock, in this order, and no send in between"},
	InstallOnce:       {"V1", "a view is installed once in an incarnation"},
	PreviousView:      {"V2", "prev is the view the host was in"},
	CoordinatorRank:   {"V3", "the coordinator of the id is rank 0"},
	SeqRises:          {"V4", "the seq is above those of all views the members came from"},
	ReasonFits:        {"V5", "kind and reason fit what changed"},
	PositionRises:     {"K1", "positions rise at each host in each view"},
	PositionUnique:    {"K2", "one position of a view holds the same thing everywhere"},
	PositionClass:     {"K3", "agreed and safe messages have a position, fifo messages none and are never transitional"},
	TransitionalGap:   {"K4", "without a gap or an unsafe message before it nothing is transitional, after one everything is"},
	BitsAgree:         {"B1", "an ordered change of bits is the same everywhere"},
	BitsMember:        {"B2", "bits change only of members, with known bits"},
	BitsCarried:       {"B3", "a view installs the bits that its predecessor ended with"},
	GroupsApart:       {"J1", "no view mixes two groups"},
	JoinAccepted:      {"J2", "a joiner in a view was accepted by the view's coordinator before"},
	CloneRefused:      {"J5", "of two live processes with one host id at most one is in the group, the other is told"},
	Precision:         {"L1", "a stable component ends in one view of exactly itself"},
	DeliveredByAll:    {"L2", "what is sent in the settled view is delivered by all"},
	NoFlap:            {"L3", "a settled component installs nothing more"},
	Finished:          {"L4", "what was begun is finished: nobody stays blocked"},
	Accuracy:          {"L5", "healthy hosts never exclude healthy hosts"},
	GroupAgreement:    {"GV1", "one id of a group view, one list of members"},
	GroupRises:        {"GV2", "ids of group views rise at each port from its join on"},
	GroupSelf:         {"GV3", "a port is in its own group view, and nobody twice"},
	GroupTransitional: {"GV4", "the transitional set of a group is those who came along from the same view of it, alike at all of them"},
	GroupSynchrony:    {"GV5", "ports that go from one group view to the same next one were given the same messages"},
	GroupSender:       {"GV6", "a message of a port is delivered in a group view that holds the port"},
	GroupSettled:      {"GV7", "in a stable component the ports of a group are in one view of exactly themselves"},
	GroupParted:       {"GV8", "a port that is out of a group is given nothing more of it"},
	StateAtCut:        {"GV9", "a state has exactly the messages before its cut in it, and exactly those behind it follow"},
	StateWish:         {"GV10", "each wish for a state ends, and a membership is given one state"},
}

// String gives the code, such as "P14".
func (p Property) String() string {
	if p < propertyEnd {
		return properties[p].code
	}
	return "unknown"
}

// Says gives the promise in one line.
func (p Property) Says() string {
	if p < propertyEnd {
		return properties[p].says
	}
	return ""
}

// Properties lists all that are checked, in the order of the report.
func Properties() []Property {
	all := make([]Property, propertyEnd)
	for i := range all {
		all[i] = Property(i)
	}
	return all
}

// ParseProperty finds a property by its code.
func ParseProperty(code string) (Property, bool) {
	for p := range properties {
		if properties[p].code == code {
			return Property(p), true
		}
	}
	return 0, false
}

// Core lists the properties that every run with a view change and agreed and
// fifo traffic must have exercised: the default of the activity gate.
func Core() []Property {
	return []Property{
		LogCount, LogTime, LogStart, LogFirstView, SelfInclusion, LocalMonotonicity, ViewAgreement, OneIncarnation,
		MergeView, TransitionalSet, DeliveryIntegrity, NoDuplication, SameView, SendingView, VirtualSynchrony,
		SelfDelivery, FIFOOrder, TotalOrder, BlockWindow, InstallOnce, PreviousView, CoordinatorRank, SeqRises,
		PositionRises, PositionUnique, PositionClass, TransitionalGap,
	}
}
