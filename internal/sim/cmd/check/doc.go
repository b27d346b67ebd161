// Command check holds event logs against the properties of internal/sim/check:
//
//	go run ./internal/sim/cmd/check [flags] DIR|FILE...
//
// It reads every *.jsonl below the directories (what `gmsd run --event-log FILE`
// wrote, restarts appended) and, where a harness left one, faults.jsonl (the
// lines are described at check.FactLine). Without faults.jsonl what only a
// fault would excuse is not judged.
//
// It prints how often each property applied and the witnesses of those that
// were broken. Exit codes: 0 clean, 2 violations or too little activity, 1 usage
// or unreadable files.
package main
