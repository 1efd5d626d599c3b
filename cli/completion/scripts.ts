/**
 * What the shells have to be told so that they ask `zss __complete`.
 *
 * What is proposed may be a name that somebody else chose. Each script hands it to
 * its shell as a word that stands for itself: quoted in the way that the user has
 * begun, so that nothing in it is expanded or run.
 *
 * @module
 */

/** The script of each shell, by its name. */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: `# bash completion for zss: source <(zss completion bash)
_zss() {
  local line=\${COMP_LINE:0:COMP_POINT} quote= word= kept= c
  local -i at start begun=0
  local -a words=()
  # readline replaces what stands from here on: it breaks words at colons and equals signs, and behind an open quote
  start=\${#line}-\${#2}
  COMPREPLY=()
  [[ \${line:start} == "$2" ]] || return 0
  for ((at = 0; at < \${#line}; at++)); do
    ((at == start)) && kept=$word
    c=\${line:at:1}
    if [[ $quote == "'" ]]; then
      if [[ $c == "'" ]]; then quote=; else word+=$c; fi
    elif [[ $c == "\\\\" ]]; then
      at+=1 begun=1
      c=\${line:at:1}
      [[ $quote == '"' && $c != [\\$\\"\\\`\\\\] ]] && word+="\\\\"
      word+=$c
    elif [[ $quote == '"' ]]; then
      if [[ $c == '"' ]]; then quote=; else word+=$c; fi
    elif [[ $c == [\\'\\"] ]]; then
      quote=$c begun=1
    elif [[ $c == [[:space:]] ]]; then
      ((begun)) && words+=("$word")
      word= begun=0
    else
      word+=$c begun=1
    fi
  done
  ((start == \${#line})) && kept=$word
  words+=("$word")
  while IFS=$'\\t' read -r word _; do
    [[ $word == "$kept"* && $word != *[[:cntrl:]]* ]] && _zss_propose "$quote" "\${word#"$kept"}"
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[/=:] ]] && compopt -o nospace 2>/dev/null
  return 0
}
# Proposes a text that stands for itself behind the quote that is open, or behind none.
_zss_propose() {
  local LC_ALL=C quoted= c
  local -i at
  for ((at = 0; at < \${#2}; at++)); do
    c=\${2:at:1}
    case $1$c in
      "''") c="'\\\\''" ;;
      '"!') c='"\\!"' ;;
      \\"[\\$\\"\\\`\\\\]) c=\\\\$c ;;
      [\\'\\"]?) ;;
      [-_./:=@%+,]) ;;
      [[:punct:][:space:]]) c=\\\\$c ;;
    esac
    quoted+=$c
  done
  # readline takes a quote at either end for the one that is open, or for the one that closes it
  [[ -n $1 && $quoted == "$1"* ]] && quoted=$1$quoted
  [[ -n $1 && $quoted == *"$1" ]] && quoted+=$1
  COMPREPLY+=("$quoted")
}
complete -o default -F _zss zss
`,
  zsh: `#compdef zss
# zsh completion for zss: source <(zss completion zsh)
_zss() {
  local -a plain open
  local word brief typed="$QIPREFIX$PREFIX$compstate[quote]"
  while IFS=$'\\t' read -r word brief; do
    if [[ $word == *[/=:] ]]; then open+=("$word"); else plain+=("\${\${word//\\\\/\\\\\\\\}//:/\\\\:}:$brief"); fi
  done < <("\${(Q)words[1]}" __complete "\${(@Q)words[2,CURRENT-1]}" "\${(Q)typed}" 2>/dev/null)
  (( \${#plain} )) && _describe zss plain
  (( \${#open} )) && compadd -S '' -a open
  (( \${#plain} + \${#open} )) || _files
}
compdef _zss zss
`,
  fish: `# fish completion for zss: zss completion fish | source
function __zss_complete
    set -l words (commandline -opc)
    set -l raw (commandline -ct)
    # The quote that the last word begins with may still be open.
    set -l typed (string unescape -- "$raw"; or string unescape -- "$raw'"; or string unescape -- "$raw\\"")
    $words[1] __complete $words[2..-1] "$typed" 2>/dev/null
end
complete -c zss -f -a '(__zss_complete)'
`,
  powershell: `# PowerShell completion for zss: zss completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName zss -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
    ForEach-Object { if ($_.Value -is [string]) { $_.Value } else { $_.ToString() } })
  if ($wordToComplete -eq '') { $words += '' }
  & $commandAst.GetCommandName() __complete @words 2>$null | ForEach-Object {
    $word, $brief = $_ -split "\`t", 2
    if (-not $brief) { $brief = $word }
    $text = $word
    # In single quotes nothing is expanded; PowerShell takes the typographic ones for such, too.
    if ($word -notmatch '^[A-Za-z0-9_/.:-][A-Za-z0-9_/.:=+-]*$') {
      $text = "'" + ($word -replace "(['\\u2018-\\u201B])", '$1$1') + "'"
    }
    [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $brief)
  }
}
`,
};
