// Gmsd is the daemon, and the commands that talk to one.
//
// The commands are a table (commands.go): each parses its flags, asks a daemon
// by internal/admin's client, and prints. `gmsd run` turns settings into a
// gms.Config and drives what gms.Start gives (run.go); it decides nothing
// itself. `gmsd demo` and `gmsd bench` live in internal/demo and internal/bench.
//
// Exit codes stand in exit.go and are part of the outside face.
package main
