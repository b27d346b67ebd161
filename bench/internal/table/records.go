package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/gmsd/gmsd/internal/figures"
)

// lineMax bounds the line of a record.
const lineMax = 1 << 16

// Read reads records, one JSON object a line; empty lines are passed over. It
// gives what it could read also where there is an error.
func Read(r io.Reader) (figures.Set, error) {
	var set figures.Set
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, lineMax)
	for n := 1; lines.Scan(); n++ {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		var rec figures.Record
		if err := json.Unmarshal(raw, &rec); err != nil {
			return set, fmt.Errorf("line %d is no record: %w", n, err)
		}
		if rec.Peer == "" || rec.Metric == "" || rec.N < 1 {
			return set, fmt.Errorf("line %d is no record: it has no peer, metric or n", n)
		}
		set = append(set, rec)
	}
	return set, lines.Err()
}
