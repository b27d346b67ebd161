package netlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// wirePackage has the version of the protocol, in frame.go.
const wirePackage = "github.com/gmsd/gmsd/internal/wire"

var versionLine = regexp.MustCompile("const Version = [0-9]+\n")

// BuildVersion is [Build] of a daemon that speaks another version of the protocol and is
// the same else: what the next release may be.
func BuildVersion(ctx context.Context, dir string, version int) (string, error) {
	overlay, err := otherVersion(ctx, dir, version)
	if err != nil {
		return "", fmt.Errorf("netlab: a daemon of version %d: %w", version, err)
	}
	binary := filepath.Join(dir, fmt.Sprintf("gmsd-%d", version))
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", binary, "github.com/gmsd/gmsd/cmd/gmsd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("netlab: go build: %w: %s", err, out)
	}
	return binary, nil
}

// otherVersion writes what the compiler is to read in place of the file with the version.
func otherVersion(ctx context.Context, dir string, version int) (overlay string, err error) {
	where, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", wirePackage).Output()
	if err != nil {
		return "", err
	}
	ours := filepath.Join(strings.TrimSpace(string(where)), "frame.go")
	text, err := os.ReadFile(ours)
	if err != nil {
		return "", err
	}
	if len(versionLine.FindAll(text, 2)) != 1 {
		return "", fmt.Errorf("%s has no line %q", ours, versionLine)
	}
	theirs := filepath.Join(dir, "frame.go")
	text = versionLine.ReplaceAll(text, fmt.Appendf(nil, "const Version = %d\n", version))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {ours: theirs}})
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, errors.Join(err, os.WriteFile(theirs, text, 0o600), os.WriteFile(overlay, replace, 0o600))
}
