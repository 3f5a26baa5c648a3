# Sourced by the batch shell of every job, as the first of its lines: before the time limit can be near, and before the
# one srun line that NeMo-Run writes into the job's script.
#
# That line would run in the foreground of a shell without traps: a signal to the batch shell would then end the job
# instead of warning its processes. So `srun` is a function here, which
#   * runs the stages of TSDG_STAGES one after another, those without servers on the first node only;
#   * waits for them in a way that lets traps run, and hands SIGUSR1 on;
#   * afterwards requeues this job, or this one element of an array and no other, where that has a point.
#
# TSDG_STAGES, TSDG_RETRIES and what node.sh needs are set by the script that sources this.

tsdg_signal=""
tsdg_step=""

tsdg_warn() {
    tsdg_signal=USR1
    echo "tsdg: the time limit is near; what is done is kept"
    [ -z "$tsdg_step" ] || kill -s USR1 "$tsdg_step" 2>/dev/null
}
trap tsdg_warn USR1

# Slurm sends SIGTERM to the processes of the job itself: after scancel, at the time limit, and, to all but this shell, at
# preemption.
trap 'tsdg_signal=TERM' TERM

# What the shell that submitted had of its own: nothing where tsdg submitted, much where a user did by hand.
. "$TSDG_LAUNCH/unset.sh"

# Since Slurm 22.05 srun does not take this over from the job by itself, and would give a task one core.
[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK

tsdg_wait() {
    # A trap ends `wait` early with a code of its own: ask again until the process is gone, then for its own code.
    while kill -0 "$tsdg_step" 2>/dev/null; do
        wait "$tsdg_step"
    done
    wait "$tsdg_step"
}

tsdg_preempted() {
    # At the end of its grace time Slurm requeues or cancels what it preempts; what has ended by itself before, as asked
    # to, it takes for done. After scancel the job is no longer RUNNING.
    local said
    said=$(command scontrol show job "$1") || return 1
    [[ $said == *JobState=RUNNING* && $said == *PreemptTime=[0-9]* ]]
}

tsdg_requeue() {
    # Exit codes: 130 stopped, resumable; 1 fell short, 2 and 3 wrong or unfit: those would only fail again. 75: this
    # node's file system failed.
    # Above 128 and not 130: killed, e.g. out of memory. Where no process was started, it is srun's own code.
    # After SIGTERM never, but for preemption: it may be the user's scancel, which is final.
    local code=$1 task=${SLURM_JOB_ID}
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || task=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
    if [ "$code" -ne 0 ] && [ ! -e "$TSDG_BEGAN" ]; then
        echo "tsdg: srun started no process (exit code $code): what it said stands above"
        [ "$code" -ne 255 ] || return 0
    fi
    if [ "$code" -le 128 ] && [ "$code" -ne 75 ]; then
        return 0
    elif [ "$tsdg_signal" = TERM ] || { [ "$code" -eq 130 ] && [ "$tsdg_signal" != USR1 ]; }; then
        tsdg_preempted "$task" || return 0
    fi
    if [ "${SLURM_RESTART_COUNT:-0}" -ge "$TSDG_RETRIES" ]; then
        echo "tsdg: $task has been requeued ${SLURM_RESTART_COUNT:-0} times, launch.retries allows no more"
        return 0
    fi
    echo "tsdg: requeueing $task (exit code $code, requeued ${SLURM_RESTART_COUNT:-0} times before)"
    command scontrol requeue "$task"
}

srun() {
    local code=0
    # NeMo-Run's script asks for the first node's address before it comes to our line. Nobody needs it, and it is a step.
    case $* in *" hostname --ip-address") return 0 ;; esac
    for TSDG_STAGE in $TSDG_STAGES; do
        TSDG_BEGAN=${TSDG_LAUNCH}/began/${SLURM_JOB_ID}-${SLURM_RESTART_COUNT:-0}-$TSDG_STAGE
        export TSDG_STAGE TSDG_BEGAN
        echo "tsdg: $(date -u +%Y-%m-%dT%H:%M:%SZ) stage $TSDG_STAGE on ${SLURM_JOB_NODELIST:-?}"
        case $TSDG_STAGE in
            seeds | package | *.gather) command srun --export=ALL --nodes=1 --ntasks=1 "$@" & ;;
            *) command srun --export=ALL "$@" & ;;
        esac
        tsdg_step=$!
        tsdg_wait
        code=$?
        tsdg_step=""
        if [ "$code" -eq 0 ] && [ -n "$tsdg_signal" ]; then
            case " $TSDG_STAGES" in *" $TSDG_STAGE") ;; *) code=130 ;; esac
        fi
        [ "$code" -eq 0 ] || break
    done
    tsdg_requeue "$code"
    rm -f "$TSDG_BEGAN"
    return "$code"
}
