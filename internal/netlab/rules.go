package netlab

// Rules are lines of nft at a hook: of the bridge where Host is 0, else of a host.
type Rules struct {
	// What is for people.
	What string
	// Host is where they are, 0: on the bridge. Touches are the hosts whose traffic they
	// change, none: all.
	Host    int
	Touches []int
	// Hook is input or output; a bridge has forward alone.
	Hook string
	// Sets stand before the chain.
	Sets  string
	Lines []string
	table *table
}

// Describe gives a line.
func (f *Rules) Describe() string { return f.What }

// Hosts gives those whose traffic they change.
func (f *Rules) Hosts() []int { return f.Touches }

// Start makes them.
func (f *Rules) Start(l *Lab) (err error) {
	where, family, hook := l.sw, "bridge", "forward"
	if f.Host > 0 {
		where, family, hook = l.host(f.Host).space, "inet", f.Hook
	}
	f.table, err = l.addTableWith(where, family, hook, f.Sets, f.Lines)
	return err
}

// Stop deletes them.
func (f *Rules) Stop(*Lab) error {
	t := f.table
	f.table = nil
	return t.remove()
}

// Ports is the condition of a bridge's rule for frames from some hosts to some; none: of
// all.
func Ports(sources, targets []int) string { return from(sources) + to(targets) }
