# SPDX-License-Identifier: GPL-3.0-only
function __xv-gdbstub_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __xv-gdbstub_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __xv-gdbstub_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __xv-gdbstub_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __xv-gdbstub_parse_tokens -S
    set -l unparsed_tokens (__xv-gdbstub_tokens -pc)
    switch $unparsed_tokens[1]
    case 'xv-gdbstub'
        __xv-gdbstub_parse_subcommand -r 2 'once' 'attach' 'world=+' 'multi' 'startup-with-shell' 'no-startup-with-shell' 'disable-randomization' 'no-disable-randomization' 'wrapper=+' 'allow-any-user' 'debug=' 'debug-file=' 'debug-format=' 'disable-packet=' 'guard' 'cache-size=' 'torture=' 'persist-dir=' 'no-persist' 'children=' 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'help'
            __xv-gdbstub_parse_subcommand -r 1 'version'
        end
    end
end

function __xv-gdbstub_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __xv-gdbstub_parse_subcommand -S -a positional_count
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

function __xv-gdbstub_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __xv-gdbstub_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__xv-gdbstub_tokens -p)
    if test -z "$(__xv-gdbstub_tokens -t)"
        set -l index (count (__xv-gdbstub_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'xv-gdbstub' -f
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" once' -l 'once' -d 'End with the first client, and end the program with it.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" attach' -l 'attach' -d 'Take hold of the running process PID instead of starting a program.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub"' -l 'world' -d 'Serve the world at WHERE: another server\'s program, a core file, a process or a name. Given several times, each world is a process of its own. Several clients may look at the same time.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" multi' -l 'multi' -d 'Wait for a debugger without a program, and go on when a program has ended.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" startup-with-shell' -l 'startup-with-shell' -d 'Start programs through the shell that SHELL names, or /bin/sh.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" no-startup-with-shell' -l 'no-startup-with-shell' -d 'Start programs through the shell that SHELL names, or /bin/sh.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" disable-randomization' -l 'disable-randomization' -d 'Start the program with address-space randomization off.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" no-disable-randomization' -l 'no-disable-randomization' -d 'Start the program with address-space randomization off.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub"' -l 'wrapper' -d 'Start programs through this command, which executes them; it may have arguments, and -- ends it.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" allow-any-user' -l 'allow-any-user' -d 'Let processes of other users of this machine connect. Without it only the server\'s own user and root may, at loopback addresses and at Unix sockets.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" debug' -l 'debug' -d 'Print to stderr: remote (each packet; also when nothing is named), threads (what translator and tracer do), all. Written --debug or --debug=WORDS.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" debug-file' -l 'debug-file' -d 'Print all messages to this file instead.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" debug-format' -l 'debug-format' -d 'What each packet is printed with: none or timestamp.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" disable-packet' -l 'disable-packet' -d 'Answer these as if they were not known.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" guard' -l 'guard' -d 'Make original code non-executable, so that a leak out of translated code faults.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" cache-size' -l 'cache-size' -d 'Discard translated code when there is more than this.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" torture' -l 'torture' -d 'Make life hard for the translator: flush, collect or relocate at every N-th request; watch all accesses.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" persist-dir' -l 'persist-dir' -d 'Keep translations of files for the next run in this directory.' -rfka ''
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" no-persist' -l 'no-persist' -d 'Neither use nor keep translations of other runs.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" children' -l 'children' -d 'What becomes of the processes that the program makes and no debugger is told of: native (let go, xv-gdbstub\'s default), or translated (xv\'s default).' -rfka 'native translated'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" version' -l 'version' -d 'Show the version.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_positional "xv-gdbstub" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'xv-gdbstub' -n '__xv-gdbstub_should_offer_completions_for_flags_or_options "xv-gdbstub help" version' -l 'version' -d 'Show the version.'
