package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// forbidDumps keeps the keys of this process out of core files, and its memory from
// other processes of its user: for its files in /proc and for a debugger that takes root.
// Where a core would go to a program (core_pattern with a pipe) the limit alone does not
// hold; what this process starts inherits the limit, and nothing else.
func forbidDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core files cannot be forbidden: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumps cannot be forbidden: %w", err)
	}
	return nil
}
