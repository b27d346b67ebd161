// Command simulate runs seeds of the simulator.
//
//	simulate -seeds 1000 -from 1       a batch of seeds
//	simulate -hours 300                seeds until that many simulated cluster-hours
//	simulate -seed 42 -v               one seed again, told as a space-time text
//	simulate -seed 42 -shrink -o FILE  one failing seed, made short, kept in testdata/seeds by default
//	simulate -record FILE -v           a kept seed again
//
// It ends with 2 when a seed failed, and says how to see it again. A batch ends
// with the figures that a benchmark wants: simulated hours a CPU-minute, inputs
// handled a CPU-second, views and messages a seed, and what was covered.
package main
