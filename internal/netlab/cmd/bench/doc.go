// Command bench measures gmsd and prints each figure beside its bar:
//
//	go run ./internal/netlab/cmd/bench [-runs 5] [-only REGEXP] [-json FILE]
//
// Real processes in network namespaces (package netlab, needs root) for the
// rows of processes.go, rest.go, doctor.go, sealing.go and attack.go, hosts of one process on a loopback interface
// of its own for oneprocess.go, the shipped simulator for simulator.go. Each
// figure of a run stands alone: a new lab, quiet for a moment, one act. Times
// are those of the event logs: from the act to the line of the last host that
// installs the view which must follow.
//
// The table gives the median, least and greatest of the runs; -json FILE writes
// one {"peer","cfg","n","metric","value","run"} a line, the unit in the metric's
// name, as the harnesses of other systems do.
//
// The attack, one for each transport, takes two minutes after a minute of recording,
// which is sent again ten times; -record 10m records all ten minutes. Its full account
// by reason goes to the standard error.
//
// A bar that is missed is printed and fails nothing: wall-clock figures depend
// on the machine and on what else it does. Run it alone.
package main
