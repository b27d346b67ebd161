package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"
)

// fileMax bounds a configuration file.
const fileMax = 1 << 20

// takeFile reads a TOML file. Every key that is no setting is a fault.
func (s *Settings) takeFile(path string, open func(string) (io.ReadCloser, error)) {
	raw, err := readFile(path, open)
	if err != nil {
		s.fault("config", path, "a readable TOML file", err.Error())
		return
	}
	lines := map[string]setting{}
	for _, line := range table() {
		lines[line.key] = line
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		line, known := lines[key]
		if !known {
			s.fault(key, quoteValue(raw[key]), "a setting", unknownCure(key, path))
			continue
		}
		v, err := line.kind.convert(raw[key])
		if err != nil {
			s.fault(key, quoteValue(raw[key]), err.Error(), "it comes from "+path)
			continue
		}
		s.keep(line, v, "file "+path)
	}
}

func unknownCure(key, path string) string {
	cure := "take it out of " + path
	if near := Nearest(key); near != "" {
		cure += ", or did you mean " + near + "?"
	}
	return cure
}

func readFile(path string, open func(string) (io.ReadCloser, error)) (map[string]any, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, err
	}
	if len(data) > fileMax {
		return nil, fmt.Errorf("it is longer than %d bytes", fileMax)
	}
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("line %d: %s", at.Position.Line, at.Message)
		}
		return nil, err
	}
	return raw, nil
}
