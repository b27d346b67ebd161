package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version; the linker may set another.
var release = "0.1.0"

// version is what travels in views: short, and the same for one build.
func version() string { return release }

var versionCommand = &command{
	name: "version", args: "[--json]", short: "what this binary is",
	long:     `Version prints the version, the commit it was built from where known, and the Go version.`,
	examples: `  gmsd version`,
	flags:    func(c *call) { c.set.BoolVar(&c.json, "json", false, "print JSON") },
	run:      runVersion,
}

func runVersion(c *call) error {
	commit := commitOf()
	if c.json {
		return c.printJSON(map[string]string{"version": version(), "commit": commit, "go": runtime.Version()})
	}
	if commit != "" {
		commit = ", commit " + commit
	}
	fmt.Fprintf(c.out, "gmsd %s%s, %s %s/%s\n", version(), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

func commitOf() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return ""
}
