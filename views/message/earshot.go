package message

// Unheard says that its sender hears the receiver by unicast, but nothing of it by
// multicast. Who gets it knows whether there was anything to hear, and answers
// with [Spoken].
type Unheard struct {
	// Span is for how many milliseconds nothing came by multicast; 0: it comes (again).
	Span uint32
}

// Spoken answers an [Unheard].
type Spoken struct {
	// Count is at how many moments of the span its sender did multicast, as far as it
	// counts; 0: too few to say that the other should have heard. Where it is not 0
	// the sender sends to the other by unicast what it multicasts.
	Count uint32
}

// Type is TypeUnheard.
func (*Unheard) Type() Type { return TypeUnheard }

// Type is TypeSpoken.
func (*Spoken) Type() Type { return TypeSpoken }
