package vsync

// allowed is the whole life of a host, from and to:
//
//	starting -> operational <-> flushing
//	                 |              |
//	                 +-> stopped <--+
//
// A host that promises a higher ballot while flushing stays flushing; one that
// catches up with a view it had missed becomes operational for a moment.
var allowed = [...][4]bool{
	Starting:    {Operational: true, Stopped: true},
	Operational: {Flushing: true, Stopped: true},
	Flushing:    {Operational: true, Stopped: true},
	Stopped:     {},
}
