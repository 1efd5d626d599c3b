/**
 * What the shells have to be told so that they ask `zss __complete`.
 *
 * @module
 */

/** The script of each shell, by its name. */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: `# bash completion for zss: source <(zss completion bash)
_zss() {
  local line=\${COMP_LINE:0:COMP_POINT} word cut
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  # bash breaks words at colons and equals signs, zss does not
  word=\${words[-1]} cut=\${words[-1]%"\${COMP_WORDS[COMP_CWORD]}"}
  [[ \${COMP_WORDS[COMP_CWORD]} == [:=] ]] && cut=$word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("\${word#"$cut"}")
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[/=:] ]] && compopt -o nospace
  return 0
}
complete -o default -F _zss zss
`,
  zsh: `#compdef zss
# zsh completion for zss: source <(zss completion zsh)
_zss() {
  local -a plain open
  local word brief
  while IFS=$'\\t' read -r word brief; do
    if [[ $word == *[/=:] ]]; then open+=("$word"); else plain+=("\${word//:/\\\\:}:$brief"); fi
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#plain} )) && _describe zss plain
  (( \${#open} )) && compadd -S '' -a open
  (( \${#plain} + \${#open} )) || _files
}
compdef _zss zss
`,
  fish: `# fish completion for zss: zss completion fish | source
complete -c zss -f -a '(set -l words (commandline -opc) (commandline -ct); $words[1] __complete $words[2..-1] 2>/dev/null)'
`,
  powershell: `# PowerShell completion for zss: zss completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName zss -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '' }
  & $commandAst.CommandElements[0].ToString() __complete @words 2>$null | ForEach-Object {
    $word, $brief = $_ -split "\`t", 2
    if (-not $brief) { $brief = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $brief)
  }
}
`,
};
