package sim

import (
	"reflect"
	"time"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/vsync"
)

// Timings are the same for all hosts of a world. Four seeds of five have the
// defaults; the others a tenth to ten times of them, which finds what works
// only because two numbers stand as they do.

// Bounds of Options.Scale, in percent.
const (
	scaleMin = 10
	scaleMax = 1000
)

// drawScale draws how long the timings are. A network must answer within them,
// so delays shrink along; whether they grow along is drawn.
func drawScale(o *Options) {
	r := newStream(o.Seed, "scale", 0)
	if !chance(r, 200_000) {
		return
	}
	o.Scale = logBetween[int64](r, scaleMin, scaleMax)
	if o.Scale < 100 || chance(r, 500_000) {
		for _, d := range []*time.Duration{&o.DelayMin, &o.DelayMean, &o.DiskMin, &o.DiskMean} {
			*d = o.scaled(*d)
		}
	}
}

// scaled is d at the scale of the timings.
func (o *Options) scaled(d time.Duration) time.Duration {
	if o.Scale == 0 {
		return d
	}
	return d * time.Duration(o.Scale) / 100
}

// patience is how long to wait for what takes d at the default timings: longer
// with slow ones, and no less with fast ones, since the world (restarts, late
// duplicates) is not faster then.
func (o *Options) patience(d time.Duration) time.Duration { return max(d, o.scaled(d)) }

// tune sets the durations of core and detector; nothing at the default scale.
func (o *Options) tune(cfg *engine.Config) {
	if o.Scale == 0 {
		return
	}
	cfg.Timing, cfg.Detect = vsync.Timing{}, failuredetect.Config{}
	cfg.Timing.EnsureDefaults()
	cfg.Detect.EnsureDefaults()
	for _, timings := range []reflect.Value{reflect.ValueOf(&cfg.Timing).Elem(), reflect.ValueOf(&cfg.Detect).Elem()} {
		for i := range timings.NumField() {
			if d, ok := timings.Field(i).Addr().Interface().(*time.Duration); ok {
				*d = o.scaled(*d)
			}
		}
	}
}
