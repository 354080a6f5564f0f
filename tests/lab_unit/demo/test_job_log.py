from lab.demo import job_log

LOG = """\
2026-01-31T12:00:00.5000000Z GPUs granted to this job (sim-2)
not a line of the log
2026-01-31T12:00:01.0000000Z Running stage 'prepare':
2026-01-31T12:00:02.0000000Z Running stage 'train':
2026-01-31T12:00:02.2500000Z train: epoch  1 loss 1.5599    0.1 s
2026-01-31T12:00:02.5000000Z \x1b[32mtrain: epoch  2 loss 0.7650    0.1 s\x1b[0m
2026-01-31T12:00:03.0000000Z schema: '2.0'
2026-01-31T12:00:03.0000000Z stages:
2026-01-31T12:00:03.0000000Z   train:
2026-01-31T12:00:03.0000000Z     cmd: python src/train.py
2026-01-31T12:00:03.0000000Z     outs:
2026-01-31T12:00:03.0000000Z     - path: model.json
2026-01-31T12:00:03.0000000Z       md5: 481ce3f49b135969674328e52b1c2480
2026-01-31T12:00:03.0000000Z   evaluate:
2026-01-31T12:00:03.0000000Z     cmd: python src/evaluate.py
2026-01-31T12:00:03.0000000Z     outs:
2026-01-31T12:00:03.0000000Z     - path: metrics.json
2026-01-31T12:00:03.0000000Z       md5: 7a633b02fd227648853a2140b928a757
2026-01-31T12:00:04.0000000Z   ✅  Success - Main Show the result
2026-01-31T12:00:04.0000000Z ::endgroup::
2026-01-31T12:00:04.0000000Z   Cleaning up
"""


def test_the_log_proves_gpu_stages_steps_and_outputs() -> None:
    assert job_log.evidence(job_log.lines(LOG)) == job_log.Evidence(
        gpus="sim-2",
        stages=("prepare", "train"),
        steps_of_training=2,
        outputs=(("model.json", "481ce3f49b135969674328e52b1c2480"),),
    )


def test_the_command_that_prints_the_gpus_is_not_taken_for_its_output() -> None:
    log = '2026-01-31T12:00:00.0000000Z echo "GPUs granted to this job ($NVIDIA_VISIBLE_DEVICES)"\n'
    assert job_log.evidence(job_log.lines(log)).gpus == ""


def test_the_way_to_the_cluster_is_what_the_job_said_and_not_the_command_that_says_it() -> None:
    texts = ('echo "cluster: this runner\'s own"', "cluster: by the kubeconfig in the secret")
    assert job_log.access([job_log.Line(0.0, text) for text in texts]) == "by the kubeconfig in the secret"


def test_an_empty_log_proves_nothing() -> None:
    assert job_log.evidence([]) == job_log.Evidence()


def test_the_first_training_step_has_the_time_of_its_line() -> None:
    lines = job_log.lines(LOG)
    assert job_log.first_step(lines) == lines[0].at + 1.75
    assert job_log.first_step(lines[:2]) is None
    assert job_log.training_begins(lines) == lines[0].at + 1.5
    assert job_log.training_begins(lines[:2]) is None


def test_stages_metrics_and_pushes_are_told_and_the_rest_is_not() -> None:
    told = [
        job_log.timeline_text(job_log.Line(0.0, text))
        for text in ("Running stage 'train':", "2 files pushed", "| a | b |")
    ]
    assert told == ["Running stage 'train':", "2 files pushed", "| a | b |"]
    assert job_log.timeline_text(job_log.Line(0.0, "Updating lock file 'dvc.lock'")) is None
