package gms

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gmsd/gmsd/views/trace"
)

// dropEventLog is the reason of the drop event that counts lost lines.
const dropEventLog = "event-log"

// eventLog appends records to a file, one write for all of a Step, before
// anything of that Step is visible to others. A nil *eventLog writes nowhere.
//
// A log that cannot be written (a full disk) does not stop the host: the group
// would lose a member that is well. The fault is counted, told once, shown in
// the status, and when writing works again a drop event says how many lines
// are missing.
type eventLog struct {
	file    logFile
	close   bool // the file is ours to close
	buf     []byte
	log     *slog.Logger
	counts  *counts
	torn    bool // the file ends in the middle of a line
	lost    uint64
	failure error // why the last write failed; nil: it worked
}

// logFile is what the event log needs of an *os.File.
type logFile interface {
	io.Writer
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
}

// openEventLog opens for appending; "" gives nil.
func openEventLog(name string, log *slog.Logger, c *counts) (*eventLog, error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		return &eventLog{file: os.Stdout, log: log, counts: c}, nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o640)
	if err != nil {
		return nil, eventLogFault(name, err)
	}
	e := &eventLog{file: file, close: true, log: log, counts: c}
	e.torn = endsTorn(file)
	return e, nil
}

// endsTorn reports whether an earlier life left half a line behind.
func endsTorn(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = file.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// write appends records and reports how many lines were lost before, once it
// works again: then the caller should log that.
func (e *eventLog) write(records []trace.Record) (recovered uint64) {
	if e == nil || len(records) == 0 {
		return 0
	}
	e.buf = e.buf[:0]
	if e.torn {
		e.buf = append(e.buf, '\n')
	}
	for i := range records {
		e.buf = trace.AppendJSON(e.buf, records[i])
	}
	n, err := e.file.Write(e.buf)
	if err != nil {
		e.fail(n, len(records), err)
		return 0
	}
	e.torn = false
	if e.failure == nil {
		return 0
	}
	recovered, e.lost, e.failure = e.lost, 0, nil
	e.log.Info("the event log is written again", "lost", recovered)
	return recovered
}

// fail counts the lines lost and takes back what was half written.
func (e *eventLog) fail(written, records int, err error) {
	e.lost += uint64(records)
	e.counts.eventLogErrors.Add(1)
	e.counts.eventLogLost.Add(uint64(records))
	if written > 0 {
		e.torn = !e.takeBack(written)
	}
	if e.failure == nil {
		e.log.Error("the event log cannot be written; the host goes on without it", "err", err,
			"cure", "make room, or restart with another event-log")
	}
	e.failure = err
}

func (e *eventLog) takeBack(written int) bool {
	info, err := e.file.Stat()
	return err == nil && info.Mode().IsRegular() && e.file.Truncate(info.Size()-int64(written)) == nil
}

// end closes the file.
func (e *eventLog) end() error {
	if e == nil || !e.close {
		return nil
	}
	if err := e.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("event-log: %w", err)
	}
	return nil
}
