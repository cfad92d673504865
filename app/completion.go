package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" placeholder:"SHELL" help:"bash, zsh or fish."`
}

func (c *completionCommand) Help() string {
	return `Put one of these into your shell's start file:
  source <(firn completion bash)              ~/.bashrc
  source <(firn completion zsh)               ~/.zshrc, after compinit
  firn completion fish | source               ~/.config/fish/config.fish`
}

// Run prints the script.
func (c *completionCommand) Run(env *environment, model *kong.Kong) error {
	all := completions(model.Model.Node)
	switch c.Shell {
	case "bash":
		bashCompletion(env.out, all)
	case "zsh":
		zshCompletion(env.out, all)
	case "fish":
		fishCompletion(env.out, all)
	}
	return nil
}

// completion is what can follow one command: its subcommands, flags and the
// words that its flags and arguments take.
type completion struct {
	path  []string // without "firn"
	words []word   // subcommands and values of arguments
	flags []flagWord
}

type word struct{ name, help string }

type flagWord struct {
	word
	short  rune
	values []string // what the flag takes; nil = anything, files among it
	isBool bool
}

// completions walks the command line's model.
func completions(n *kong.Node) []completion {
	c := completion{path: strings.Fields(n.Path())}
	if n.Type == kong.ApplicationNode {
		c.path = nil
	}
	for _, child := range n.Children {
		if !child.Hidden {
			c.words = append(c.words, word{child.Name, summary(child.Help)})
		}
	}
	for _, arg := range n.Positional {
		for _, v := range enum(arg) {
			c.words = append(c.words, word{v, ""})
		}
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			c.flags = append(c.flags, flagWord{word{"--" + f.Name, summary(f.Help)}, f.Short, enum(f.Value), f.IsBool()})
		}
	}
	all := []completion{c}
	for _, child := range n.Children {
		all = append(all, completions(child)...)
	}
	return all
}

func enum(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	var all []string
	for s := range strings.SplitSeq(v.Enum, ",") {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

func summary(help string) string {
	s, _, _ := strings.Cut(help, "\n")
	return strings.TrimSuffix(s, ".")
}

// shellQuote makes any text one word of a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// bashCompletion prints a function that finds the command in the line and
// offers its words. Nothing of the line is ever evaluated.
func bashCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, `# bash completion of firn
_firn() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
`)
	for _, c := range all {
		if len(c.path) > 0 {
			joined := strings.Join(c.path, " ")
			parent := strings.Join(c.path[:len(c.path)-1], " ")
			fmt.Fprintf(w, "      %s) path=%s ;;\n", shellQuote(strings.TrimSuffix(parent+" "+c.path[len(c.path)-1], " ")), shellQuote(joined))
		}
	}
	fmt.Fprint(w, `    esac
  done
  case "$path $prev" in
`)
	for _, c := range all {
		for _, f := range c.flags {
			if f.values == nil {
				continue
			}
			fmt.Fprintf(w, "    %s) COMPREPLY=($(compgen -W %s -- \"$cur\")); return ;;\n",
				shellQuote(strings.Join(c.path, " ")+" "+f.name), shellQuote(strings.Join(f.values, " ")))
		}
	}
	fmt.Fprint(w, `  esac
  case "$path" in
`)
	for _, c := range all {
		var names []string
		for _, n := range c.words {
			names = append(names, n.name)
		}
		for _, f := range c.flags {
			names = append(names, f.name)
		}
		fmt.Fprintf(w, "    %s) COMPREPLY=($(compgen -W %s -- \"$cur\")) ;;\n", shellQuote(strings.Join(c.path, " ")), shellQuote(strings.Join(names, " ")))
	}
	fmt.Fprint(w, `  esac
}
complete -o bashdefault -o default -F _firn firn
`)
}

// zshCompletion prints a function for zsh's own completion system.
func zshCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, `#compdef firn
# zsh completion of firn
_firn() {
  local path= word
  local -a names
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$path $word" in
`)
	for _, c := range all {
		if len(c.path) > 0 {
			joined := strings.Join(c.path, " ")
			parent := strings.Join(c.path[:len(c.path)-1], " ")
			fmt.Fprintf(w, "      %s) path=%s ;;\n", shellQuote(parent+" "+c.path[len(c.path)-1]), shellQuote(joined))
		}
	}
	fmt.Fprint(w, "    esac\n  done\n  case \"$path ${words[CURRENT-1]}\" in\n")
	for _, c := range all {
		for _, f := range c.flags {
			if f.values != nil {
				fmt.Fprintf(w, "    %s) compadd -- %s; return ;;\n", shellQuote(strings.Join(c.path, " ")+" "+f.name), strings.Join(quotedWords(f.values), " "))
			}
		}
	}
	fmt.Fprint(w, "  esac\n  case \"$path\" in\n")
	for _, c := range all {
		fmt.Fprintf(w, "    %s) names=(\n", shellQuote(strings.Join(c.path, " ")))
		for _, n := range c.words {
			fmt.Fprintf(w, "      %s\n", shellQuote(zshEntry(n)))
		}
		for _, f := range c.flags {
			fmt.Fprintf(w, "      %s\n", shellQuote(zshEntry(f.word)))
		}
		fmt.Fprint(w, "    ) ;;\n")
	}
	fmt.Fprint(w, `  esac
  _describe 'firn' names
  _files
}
compdef _firn firn
`)
}

func zshEntry(n word) string {
	name := strings.ReplaceAll(n.name, ":", `\:`)
	if n.help == "" {
		return name
	}
	return name + ":" + n.help
}

func quotedWords(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = shellQuote(s)
	}
	return all
}

// fishCompletion prints one complete command for each thing to offer.
func fishCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, `# fish completion of firn
function __firn_at
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l words
    for t in $tokens
        string match -q -- '-*' $t; or set -a words $t
    end
    set -l want $argv
    test (count $words) -ge (count $want); or return 1
    for i in (seq (count $want))
        test "$words[$i]" = "$want[$i]"; or return 1
    end
    if test "$__firn_exact" = 1
        test (count $words) -eq (count $want); or return 1
    end
end
`)
	for _, c := range all {
		at := "__firn_at " + strings.Join(c.path, " ")
		for _, n := range c.words {
			fmt.Fprintf(w, "complete -c firn -f -n %s -a %s -d %s\n", fishQuote("__firn_exact=1 "+at), fishQuote(n.name), fishQuote(n.help))
		}
		for _, f := range c.flags {
			line := fmt.Sprintf("complete -c firn -n %s -l %s -d %s", fishQuote(at), fishQuote(strings.TrimPrefix(f.name, "--")), fishQuote(f.help))
			if f.short != 0 {
				line += " -s " + string(f.short)
			}
			if !f.isBool {
				line += " -r"
			}
			if f.values != nil {
				line += " -f -a " + fishQuote(strings.Join(f.values, " "))
			}
			fmt.Fprintln(w, line)
		}
	}
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
