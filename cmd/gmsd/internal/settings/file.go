package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// fileMax bounds a configuration file.
const fileMax = 1 << 20

// takeFile reads a TOML file. Every key that is no setting is a fault.
func (s *Settings) takeFile(path string, open func(string) (io.ReadCloser, error)) {
	raw, err := readFile(path, open)
	if err != nil {
		s.unread = true
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
			s.fault(key, tomlText(raw[key]), "a setting", unknownCure(key, path))
			continue
		}
		v, err := line.kind.convert(raw[key])
		if err != nil {
			s.fault(key, tomlText(raw[key]), err.Error(), "it comes from "+path)
			continue
		}
		s.keep(line, v, "file "+path)
	}
}

// tomlText gives a value as a TOML file would have it; text bare, since a fault quotes it.
func tomlText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return tomlInner(v)
}

func tomlInner(v any) string {
	var parts []string
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []any:
		for _, item := range v {
			parts = append(parts, tomlInner(item))
		}
	case []map[string]any:
		for _, item := range v {
			parts = append(parts, tomlInner(item))
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+" = "+tomlInner(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
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
