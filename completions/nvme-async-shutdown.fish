# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of nvme-async-shutdown(8) for fish. tests/check-help compares it with --help.

# The verb among the words before the cursor; a word that is an option's value is none.
function __nvme_async_shutdown_verb
    set -l is_value no
    for word in (commandline -opc)[2..]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case -b --boot --generate --journal --latency \
                    --max-parallel --metrics --order --root --seed --stage --svg
                set is_value yes
            case '-*'
            case '*'
                echo $word
                return
        end
    end
end

# Whether the verb is one of these; before a verb every option may stand.
function __nvme_async_shutdown_takes
    set -l verb (__nvme_async_shutdown_verb)
    test -z "$verb"; or contains -- $verb $argv
end

function __nvme_async_shutdown_is
    set -l verb (__nvme_async_shutdown_verb)
    test "$verb" = "$argv[1]"
end

complete -c nvme-async-shutdown -f

complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a plan -d 'Show what would happen now, and why'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a simulate -d 'Show what each order would cost'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a snapshot -d 'Record this machine in a directory'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a report -d 'Show what the last shutdown took'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a import -d 'Bring the record from pstore into the journal'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a exitrd -d 'Is an exitrd needed? For the unit'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a rehearse -d 'Shut down and bind again, now'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a config -d 'Show the effective configuration'

complete -c nvme-async-shutdown -s h -l help -d 'Show the help'
complete -c nvme-async-shutdown -l version -d 'Show the version'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate report rehearse config' -l json -d 'Print JSON'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes rehearse' -l yes -d 'Do not ask'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan' -l stage -x -a 'unit hook exitrd' -d 'The stage'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan' -l order -x -a 'hierarchy leaves two-pass serial' -d 'Whatever Order= says'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate config' -l root -r -F -d 'The machine in that directory'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate' -l generate -x -d 'A made-up machine'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate snapshot' -l no-claim -d 'Do not open drives exclusively'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l latency -x -d 'What a shutdown takes'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l seed -x -d 'Other draws'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l max-parallel -x -d 'At most so many at the same time'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report simulate' -l svg -r -F -d 'Draw the timeline'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -s b -l boot -x -d 'The shutdown of that boot'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l metrics -r -F -d 'Write for the textfile collector'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l trend -d 'Compare the last shutdowns of each drive'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l journal -r -F -d 'Read that journal file or directory'
