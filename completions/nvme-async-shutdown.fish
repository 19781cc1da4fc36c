# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of nvme-async-shutdown(8) for fish. tests/check-help compares it with --help.

# The verb among the words before the cursor, skipping the values of options.
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

# Whether the verb is one of these; before the verb every option is allowed.
function __nvme_async_shutdown_takes
    set -l verb (__nvme_async_shutdown_verb)
    test -z "$verb"; or contains -- $verb $argv
end

function __nvme_async_shutdown_is
    set -l verb (__nvme_async_shutdown_verb)
    test "$verb" = "$argv[1]"
end

complete -c nvme-async-shutdown -f

complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a plan -d 'Show the action for each controller, and why'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a simulate -d 'Show how long each order takes'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a snapshot -d 'Record this machine in a directory'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a report -d 'Show how long the last shutdown took'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a import -d 'Bring the record from pstore to the journal'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a exitrd -d 'Exit 0 if an exitrd is needed (internal)'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a rehearse -d 'Shut down and bind again, now'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_is' -a config -d 'Show the effective configuration'

complete -c nvme-async-shutdown -s h -l help -d 'Show the help'
complete -c nvme-async-shutdown -l version -d 'Show the version'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate report rehearse config' -l json -d 'Print JSON'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes rehearse' -l yes -d 'Do not ask'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes exitrd' -l at-boot -d 'Exit 0 if any shutdown may need one'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan' -l stage -x -a 'unit hook exitrd' -d 'The stage'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan' -l order -x -a 'hierarchy leaves two-pass serial' -d 'Override Order='
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate config' -l root -r -F -d 'Read the machine recorded there'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate' -l generate -x -d 'Use a made-up machine'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes plan simulate snapshot' -l no-claim -d 'Do not open drives exclusively'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l latency -x -d 'The time of each shutdown'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l seed -x -d 'Draw other times'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes simulate' -l max-parallel -x -d 'Limit the number in parallel'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l svg -r -F -d 'Draw the timeline'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -s b -l boot -x -d 'Report the shutdown of that boot'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l metrics -r -F -d 'Write metrics for Prometheus'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l trend -d 'Compare the last shutdowns of each drive'
complete -c nvme-async-shutdown -n '__nvme_async_shutdown_takes report' -l journal -r -F -d 'Read that journal file or directory'
