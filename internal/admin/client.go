package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
)

// Client speaks to a daemon's admin interface. It is safe for concurrent use.
type Client struct {
	target string
	base   string
	http   *http.Client
	// shown is for TLS alone; fault, where it is set, why there will be no answer.
	shown *credentials
	fault error
}

// ErrUnreachable: nobody answers at the admin address.
var ErrUnreachable = errors.New("no gmsd answers")

const (
	dialTimeout = 5 * time.Second
	// answerMax bounds what we read of one answer: a view of 1,000 members is
	// about 400 KiB, its history of 256 of them the largest answer.
	answerMax = 256 << 20
	// lineMax bounds one line of a stream: the longest message in base64, and once
	// more as text of which each byte may take six.
	lineMax = 8 * views.PayloadMax
)

// NewClient speaks to target: host:port, or the path of a socket where it has
// a slash or no colon; what looks like another URL is refused with the first answer.
// Nothing is dialled yet.
func NewClient(target string) *Client { return NewClientWith(target, "") }

// NewClientWith speaks to https://host:port, too, with what stands in the file
// certificate (gmsd keys client). What is wrong with that comes with the first answer.
func NewClientWith(target, certificate string) *Client {
	network, address, base := "tcp", target, "http://"+target
	var shown *credentials
	if rest, ok := strings.CutPrefix(target, SchemeTLS); ok {
		var err error
		if shown, err = loadCredentials(target, certificate, time.Now()); err != nil {
			return &Client{target: target, http: &http.Client{}, fault: err}
		}
		address, base = rest, target
	} else if strings.Contains(target, "://") {
		return &Client{target: target, http: &http.Client{}, fault: noTarget(target)}
	} else if strings.Contains(target, "/") || !strings.Contains(target, ":") {
		network, base = "unix", "http://gmsd"
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		Proxy:               nil, // the daemon is local, whatever the environment says
		TLSHandshakeTimeout: dialTimeout,
	}
	if shown != nil {
		transport.TLSClientConfig = shown.Config(time.Now)
	}
	return &Client{target: target, base: base, http: &http.Client{Transport: transport}, shown: shown}
}

func noTarget(target string) error {
	return fmt.Errorf("%w at %q: want host:port, https://host:port or the path of a socket", ErrUnreachable, target)
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do asks and gives the whole body of the answer. An answer that is an error
// comes back as *[Error]; nobody there as [ErrUnreachable] with a cure.
func (c *Client) Do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	resp, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return nil, c.brokeOff(ctx, err)
	}
	return answer, nil
}

// Read asks and decodes the JSON answer into v.
func (c *Client) Read(ctx context.Context, path string, v any) error {
	body, err := c.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s%s: not the answer of a gmsd: %w", c.target, path, err)
	}
	return nil
}

// Lines asks for a stream and yields its lines without their ends. A line is
// valid until the next. A stream that the daemon ends with an error line yields
// that error; one that ends because the daemon did yields io.ErrUnexpectedEOF
// only where the connection broke.
func (c *Client) Lines(ctx context.Context, path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		resp, err := c.request(ctx, http.MethodGet, path, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(make([]byte, 64<<10), lineMax)
		for lines.Scan() {
			if e := errorLine(lines.Bytes()); e != nil {
				yield(nil, e)
				return
			}
			if !yield(lines.Bytes(), nil) {
				return
			}
		}
		if err := lines.Err(); err != nil && ctx.Err() == nil {
			yield(nil, c.brokeOff(ctx, err))
		}
	}
}

func (c *Client) request(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if c.fault != nil {
		return nil, c.fault
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, noTarget(c.target)
	}
	resp, err := c.http.Do(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, c.brokeOff(ctx, err)
	case err != nil:
		return nil, c.unreachable(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		return nil, c.refusal(resp)
	}
	return resp, nil
}

// gaveUp says that the caller's context ended, without the words of package context.
type gaveUp struct {
	text string
	err  error
}

func (e *gaveUp) Error() string { return e.text }
func (e *gaveUp) Unwrap() error { return e.err }

// brokeOff says why an answer did not come, or not to its end.
func (c *Client) brokeOff(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &gaveUp{"interrupted", ctx.Err()}
	case ctx.Err() != nil:
		return &gaveUp{c.target + ": no answer in time: it may be stopped or busy; a longer --timeout waits for it", ctx.Err()}
	}
	return fmt.Errorf("%w at %s any more: %w; has it ended?", ErrUnreachable, c.target, err)
}

func (c *Client) unreachable(err error) error {
	if c.shown != nil {
		if known := c.shown.explain(c.target, err); known != nil {
			return known
		}
	}
	cure := "is gmsd running? --admin or GMSD_ADMIN names its socket or host:port"
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EACCES):
		cure = "the socket belongs to the user who runs gmsd: become that user"
	case errors.Is(err, fs.ErrNotExist):
		cure = "there is no socket: " + cure
	}
	return fmt.Errorf("%w at %s: %w; %s", ErrUnreachable, c.target, innermost(err), cure)
}

func (c *Client) refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // a broken body is reported by its status
	if e := errorLine(body); e != nil {
		return e
	}
	return fmt.Errorf("%s answered %s", c.target, resp.Status)
}

// errorLine gives the error that a body or line is, or nil.
func errorLine(b []byte) *Error {
	if !bytes.HasPrefix(b, []byte(`{"error":`)) {
		return nil
	}
	var body errorBody
	if json.Unmarshal(b, &body) != nil {
		return nil
	}
	return body.Error
}
