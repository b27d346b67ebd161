package clients

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// words are the tokens that wait for their word.
type words struct {
	mu sync.Mutex
	// open has the way to take a join, leave or request back; nil for others.
	open map[uint64]context.CancelFunc
	most int
	// running counts the goroutines of tokens.
	running sync.WaitGroup
	// sends counts the Sends whose receipt is not there, for ports that cannot Submit.
	sends   sync.WaitGroup
	sending atomic.Int64
}

// Why a token is refused.
var (
	errTokenZero   = errors.New("token 0 gets no word")
	errTokenTwice  = errors.New("the token is under way")
	errTokensMost  = errors.New("too many tokens are under way")
	errNoHandle    = errors.New("the number stands for no group")
	errNoFeature   = errors.New("states were not agreed on in the hello")
	errPartsLength = errors.New("the parts are not as long as the first one said")
)

func (w *words) init(most int) { w.most, w.open = most, make(map[uint64]context.CancelFunc) }

// begin notes a token.
func (w *words) begin(token uint64, cancel context.CancelFunc) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if token == 0 {
		return errTokenZero
	}
	if _, ok := w.open[token]; ok {
		return errTokenTwice
	}
	if len(w.open) >= w.most {
		return errTokensMost
	}
	w.open[token] = cancel
	return nil
}

func (w *words) end(token uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, token)
}

// cancel takes back what token stands for, if that is still open.
func (w *words) cancel(token uint64) {
	w.mu.Lock()
	cancel := w.open[token]
	w.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

func (w *words) wait() { w.running.Wait() }

// beginToken is begin that ends the session of one who breaks the rules.
func (ss *session) beginToken(t clientwire.Type, token uint64, cancel context.CancelFunc) bool {
	err := ss.words.begin(token, cancel)
	switch {
	case errors.Is(err, errTokensMost):
		ss.fail(clientwire.CodeLimit, err.Error(), "wait for words; the welcome says how many tokens")
	case err != nil:
		ss.malformed(t, err)
	}
	return err == nil
}

// start runs a call of the port beside the others, and gives its word. It gives false
// where the call does not run.
func (ss *session) start(t clientwire.Type, token uint64, call func(context.Context) error) bool {
	ctx, cancel := context.WithCancel(ss.ctx)
	if !ss.beginToken(t, token, cancel) {
		cancel()
		return false
	}
	ss.words.running.Go(func() {
		defer cancel()
		err := call(ctx)
		if errors.Is(err, context.Canceled) && ss.ctx.Err() != nil {
			err = member.ErrClosed
		}
		ss.word(token, err)
	})
	return true
}

// word answers a token with Done, or Failed.
func (ss *session) word(token uint64, err error) {
	ss.words.end(token)
	ss.out.append(func(b []byte) []byte {
		if err == nil {
			return clientwire.AppendDone(b, token)
		}
		return clientwire.AppendFailed(b, &clientwire.Failed{Token: token, Code: codeOf(err), Text: err.Error()})
	})
}

// receipt answers the token of a Send.
func (ss *session) receipt(token uint64, r *member.Receipt, err error) {
	if err != nil {
		ss.word(token, err)
		return
	}
	ss.words.end(token)
	ss.out.append(func(b []byte) []byte {
		return clientwire.AppendReceipt(b, &clientwire.Receipt{Token: token, N: r.ID.N, View: r.View, K: r.K})
	})
}

// request asks, and writes the answers. It calls posted once the port has the payload.
func (ss *session) request(ctx context.Context, q *clientwire.Request, group string, payload []byte, posted func()) error {
	request := ss.port.Request
	if a, ok := ss.port.(Asker); ok {
		request = func(ctx context.Context, group string, payload []byte, need member.Need) ([]member.Reply, error) {
			return a.Ask(ctx, group, payload, need, posted)
		}
	}
	replies, err := request(ctx, group, payload, member.Need(q.Need))
	posted()
	if err != nil {
		return err
	}
	for i := range replies {
		if !ss.answer(q.Token, &replies[i]) {
			break
		}
	}
	return nil
}

// answer writes one reply. Answers of two requests do not mix: a long one is
// written in one go, as far as the flusher keeps up.
func (ss *session) answer(token uint64, r *member.Reply) bool {
	ss.answering.Lock()
	defer ss.answering.Unlock()
	o := &ss.out
	o.lock()
	defer o.unlock()
	rest := r.Payload
	for len(rest) > clientwire.TailMax {
		if !o.room() {
			return false
		}
		o.pending = clientwire.AppendPart(o.pending, clientwire.TypeAnswerPart, cutPart(&rest))
		o.frames++
	}
	if !o.room() {
		return false
	}
	o.pending = clientwire.AppendAnswer(o.pending, &clientwire.Answer{
		Token: token, Gone: r.Gone, Parts: len(rest) < len(r.Payload), From: r.From, Tail: rest,
	})
	o.frames++
	return true
}

// cutPart takes the next part off a long payload.
func cutPart(rest *[]byte) *clientwire.Part {
	b := *rest
	*rest = b[clientwire.TailMax:]
	return &clientwire.Part{Left: uint32(len(*rest)), Bytes: b[:clientwire.TailMax]} //nolint:gosec // at most PayloadMax
}
