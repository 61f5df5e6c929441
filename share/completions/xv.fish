# SPDX-License-Identifier: GPL-3.0-only
function __xv_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __xv_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __xv_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __xv_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __xv_parse_tokens -S
    set -l unparsed_tokens (__xv_tokens -pc)
    switch $unparsed_tokens[1]
    case 'xv'
        __xv_parse_subcommand -r 1 'v/verbose' 'log=' 'stats' 'inload=' 'outload-on=' 'outload-to=' 'compress' 'expand=' 'guard' 'cache-size=' 'torture=' 'persist-dir=' 'no-persist' 'children=' 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'help'
            __xv_parse_subcommand -r 1 'version'
        end
    end
end

function __xv_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __xv_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __xv_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __xv_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__xv_tokens -p)
    if test -z "$(__xv_tokens -t)"
        set -l index (count (__xv_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'xv' -f
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" v verbose' -l 'verbose' -s 'v' -d 'Trace translation and intercepted system calls to stderr.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" log' -l 'log' -d 'Write the trace to this file.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" stats' -l 'stats' -d 'Print at exit what happened, to stderr.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" inload' -l 'inload' -d 'Let the program in this image live again instead of starting one (docs/worlds.md).' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" outload-on' -l 'outload-on' -d 'When xv is sent this signal, write the program to disk and end.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" outload-to' -l 'outload-to' -d 'Where --outload-on writes; PROGRAM.PID.swap, or the image of --inload, otherwise.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" compress' -l 'compress' -d 'Compress the memory that --outload-on writes (zstd); debuggers then want --expand first.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" expand' -l 'expand' -d 'Write this image uncompressed to the file that is named behind it: a core file for debuggers.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" guard' -l 'guard' -d 'Make original code non-executable, so that a leak out of translated code faults.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" cache-size' -l 'cache-size' -d 'Discard translated code when there is more than this.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" torture' -l 'torture' -d 'Make life hard for the translator: flush, collect or relocate at every N-th request; watch all accesses.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" persist-dir' -l 'persist-dir' -d 'Keep translations of files for the next run in this directory.' -rfka ''
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" no-persist' -l 'no-persist' -d 'Neither use nor keep translations of other runs.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" children' -l 'children' -d 'What becomes of the processes that the program makes and no debugger is told of: native (let go, xv-gdbstub\'s default), or translated (xv\'s default).' -rfka 'native translated'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" version' -l 'version' -d 'Show the version.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'xv' -n '__xv_should_offer_completions_for_positional "xv" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'xv' -n '__xv_should_offer_completions_for_flags_or_options "xv help" version' -l 'version' -d 'Show the version.'
