package failuredetect

// Observed gives the ranks this host watches now. The caller must not keep or
// change it.
func (d *Detector) Observed() []uint16 { return d.watched }
