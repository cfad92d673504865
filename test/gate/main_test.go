package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	tests := map[string]struct {
		record  string
		good    bool
		skipped []string
		failed  []string
		prints  []string
	}{
		"all pass": {
			record: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			good:   true,
			prints: []string{"ok  \tp\t0.1s\n"},
		},
		"a skipped test": {
			record: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"skip","Package":"p","Test":"TestB"}`,
			skipped: []string{"p TestB"},
		},
		"a package without tests": {
			record: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"skip","Package":"q"}`,
			good: true,
		},
		"a failed test shows its output": {
			record: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: boom\n"}
{"Action":"fail","Package":"p","Test":"TestA"}`,
			failed: []string{"p TestA"},
			prints: []string{"boom"},
		},
		"a package that does not build": {
			record: `{"ImportPath":"p","Action":"build-output","Output":"p/a.go:1: syntax error\n"}
{"Action":"fail","Package":"p"}`,
			failed: []string{"p"},
			prints: []string{"syntax error"},
		},
		"nothing ran": {record: ``},
		"an error of go test itself": {
			record: `flag provided but not defined: -nope`,
			prints: []string{"flag provided"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			v, err := judge(strings.NewReader(tt.record), &out)
			if err != nil {
				t.Fatal(err)
			}
			if v.good() != tt.good {
				t.Errorf("good = %v, want %v", v.good(), tt.good)
			}
			if diff := cmp.Diff(tt.skipped, v.skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.failed, v.failed); diff != "" {
				t.Errorf("failed (-want +got):\n%s", diff)
			}
			for _, want := range tt.prints {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}
