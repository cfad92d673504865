package origin

import (
	"net/url"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for given, says := range map[string]string{
		"https://app.example": "", "https://app.example/": "", "http://10.0.0.1:8080": "", "https://[2001:db8::1]:8443": "",
		"app.example": "must be scheme://host", "ftp://app.example": "must begin with http://", "https://x@app.example": "without a user",
		"https://app.example/x": "must end behind the host", "https://app.example?x": "must end behind the host", "https://bücher.example": "xn--",
		"https://app.example:0": "1 to 65535", "https://app.example:99999": "1 to 65535", "*": "must be scheme://host", "https://*.example": "xn--", "null": "must be scheme://host",
	} {
		if got := Check(given); (got == "") != (says == "") || !strings.Contains(got, says) {
			t.Errorf("Check(%s) = %q, want %q", given, got, says)
		}
	}
}

// FuzzParse: what is taken for an origin is one, and only once spelled.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"http://localhost:7070", "https://x@y", "http://[::1]", "http://a:80", "http://a/..", "http://a:b:80", "http://[::1%25eth0]:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, ok := Parse(text)
		if !ok {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Errorf("%q is taken for %+v", text, o)
		}
		again, ok := Parse(o.Scheme + "://" + o.Host + ":" + o.Port)
		if !ok || again != o {
			t.Errorf("%q is %+v and then %+v, %v", text, o, again, ok)
		}
	})
}
