package postgres

import (
	"strings"
	"testing"
)

// TestTLS writes in each way of sslmode, and asks the server whether the
// connection was encrypted.
func TestTLS(t *testing.T) {
	for mode, encrypted := range map[string]string{
		"disable": "f", "allow": "f", "": "t", "prefer": "t", "require": "t", "verify-ca": "t", "verify-full": "t",
	} {
		t.Run("sslmode="+mode, func(t *testing.T) {
			s := newDatabase(t, "")
			beside := connect(t, s)
			s.SSLMode = mode
			t.Setenv("PGSSLROOTCERT", server.Certificate())
			mustWrite(t, opened(t, s), numbered(0, 1))
			got := ask(t, beside, "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND pid <> pg_backend_pid()")
			if len(got) != 1 || got[0] != encrypted {
				t.Errorf("encrypted: %v, want %s", got, encrypted)
			}
		})
	}
}

// TestTLSWithAnUnknownCertificate wants a server refused that shows a
// certificate nobody vouches for, where sslmode says that it must not.
func TestTLSWithAnUnknownCertificate(t *testing.T) {
	for _, mode := range []string{"verify-ca", "verify-full"} {
		s := newDatabase(t, "")
		s.SSLMode = mode
		err := newTarget(t, s).Open(t.Context())
		if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
			t.Errorf("sslmode=%s: %v", mode, err)
		}
	}
}
