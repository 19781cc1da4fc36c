# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of nvme-async-shutdown(8) for bash. tests/check-help compares it with --help.

# Whether the verb is one of these; before the verb every option is allowed.
__nvme_async_shutdown_takes() {
        [[ -z $verb || " $* " == *" $verb "* ]]
}

# The verb among the words before the cursor, skipping the values of options.
__nvme_async_shutdown_verb() {
        local i

        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                -b | --boot | --generate | --journal | --latency | --max-parallel | \
                        --metrics | --order | --root | --seed | --stage | --svg)
                        # readline makes three words of --order=serial
                        [[ ${COMP_WORDS[i + 1]} != = ]] || i=$((i + 1))
                        i=$((i + 1))
                        ;;
                =) i=$((i + 1)) ;;
                -*) ;;
                *)
                        verb=${COMP_WORDS[i]}
                        return
                        ;;
                esac
        done
}

_nvme_async_shutdown() {
        local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option='' verb=''
        local words=()

        if [[ $cur == = ]]; then
                option=$before cur=''
        elif [[ $before == = ]]; then
                option=${COMP_WORDS[COMP_CWORD - 2]}
        elif [[ $before != --trend ]]; then
                option=$before
        fi
        __nvme_async_shutdown_verb

        case $option in
        --order) words=(hierarchy leaves two-pass serial) ;;
        --stage) words=(unit hook exitrd) ;;
        --journal | --metrics | --root | --svg)
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
                ;;
        -b | --boot | --generate | --latency | --max-parallel | --seed | --trend) return ;;
        *)
                words=(-h --help --version)
                __nvme_async_shutdown_takes plan simulate report rehearse config && words+=(--json)
                __nvme_async_shutdown_takes rehearse && words+=(--yes)
                __nvme_async_shutdown_takes exitrd && words+=(--at-boot)
                __nvme_async_shutdown_takes plan && words+=(--stage=)
                __nvme_async_shutdown_takes plan && words+=(--order=)
                __nvme_async_shutdown_takes plan simulate snapshot && words+=(--no-claim)
                __nvme_async_shutdown_takes plan simulate && words+=(--generate=)
                __nvme_async_shutdown_takes plan simulate config && words+=(--root=)
                __nvme_async_shutdown_takes simulate && words+=(--latency= --seed= --max-parallel=)
                __nvme_async_shutdown_takes report &&
                        words+=(-b --boot= --svg= --metrics= --trend --journal=)
                case $verb in
                '') words+=(plan simulate snapshot report import rehearse exitrd config) ;;
                esac
                ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
        [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

complete -F _nvme_async_shutdown nvme-async-shutdown
