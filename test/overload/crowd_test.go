package overload

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/firnlog/firn/test/loadtest"
)

// TestCrowd has far more clients append at once than the server takes: it has
// memory for a few bodies, and hundreds come. Every answer is a success or a
// refusal that says when to come again; what was acknowledged is there once, what
// was refused is not there, and afterwards the server is well.
func TestCrowd(t *testing.T) {
	const crowd = 300
	rng := rand.New(rand.NewPCG(loadtest.Seed(t), 0))
	ledger := loadtest.NewLedger()
	ledger.Refusals = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
	serve := loadtest.Serve{
		Binary: loadtest.Build(t, ""), Data: filepath.Join(t.TempDir(), "data"),
		Env: []string{"FIRN_LIMITS_BODY_MEMORY=512KiB"},
	}
	server, err := loadtest.Start(t.Context(), serve)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	enough := loadtest.Rounds(t, "FIRN_CROWD_ANSWERS", 3000, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() { loaded <- ledger.Load(ctx, server.URL, crowd, rng) }()
	awaiting, fault := context.WithTimeout(ctx, 5*patience)
	waited := make(chan error, 1)
	go func() {
		waited <- ledger.Await(awaiting, func(a loadtest.Answers) bool { return a.Acked >= enough && a.Refused >= enough })
	}()
	select {
	case err = <-loaded: // a client has seen what must not be
		fault()
		<-waited
	case err = <-waited:
		cancel()
		err = errors.Join(err, <-loaded)
	}
	fault()
	cancel()
	if err != nil {
		t.Fatalf("%v\n%s", err, server.Log())
	}
	if err := ledger.Check(t.Context(), server.URL); err != nil {
		t.Fatal(err)
	}
	before := ledger.Answers()
	if err := calm(t.Context(), ledger, server.URL, rng); err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	if after := ledger.Answers(); after.Refused != before.Refused {
		t.Errorf("%d requests were refused when the crowd had gone", after.Refused-before.Refused)
	}
	if err := errors.Join(ledger.Check(t.Context(), server.URL), server.Verify(t.Context(), serve.Binary)); err != nil {
		t.Error(err)
	}
	t.Log(ledger.Tally())
}

// calm has one client append some batches.
func calm(ctx context.Context, ledger *loadtest.Ledger, url string, rng *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before := ledger.Answers()
	loaded := make(chan error, 1)
	loading, stop := context.WithCancel(ctx)
	defer stop()
	go func() { loaded <- ledger.Load(loading, url, 1, rng) }()
	err := ledger.Await(ctx, func(a loadtest.Answers) bool { return a.Acked >= before.Acked+50 })
	stop()
	return errors.Join(err, <-loaded)
}
