package mysql

import (
	"strings"
	"testing"
)

// TestTLS writes in each way of tls that takes the server's certificate, and
// asks the server whether the connection was encrypted.
func TestTLS(t *testing.T) {
	for mode, encrypted := range map[string]bool{"false": false, "preferred": true, "skip-verify": true} {
		t.Run("tls="+mode, func(t *testing.T) {
			s := newDatabase(t)
			s.TLS = mode
			to := opened(t, s)
			mustWrite(t, to, numbered(0, 1))
			var name, version string
			if err := to.(*database).conn.QueryRowContext(t.Context(), "SHOW STATUS LIKE 'Ssl_version'").Scan(&name, &version); err != nil {
				t.Fatal(err)
			}
			if got := strings.HasPrefix(version, "TLS"); got != encrypted {
				t.Errorf("%s: %q, want encrypted: %v", name, version, encrypted)
			}
		})
	}
}

// TestTLSWithAnUnknownCertificate wants a server refused that shows a
// certificate nobody vouches for.
func TestTLSWithAnUnknownCertificate(t *testing.T) {
	s := newDatabase(t)
	s.TLS = "true"
	err := newTarget(t, s).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("tls=true: %v", err)
	}
}
