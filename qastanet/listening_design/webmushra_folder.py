"""The files beside the sounds: configuration of webMUSHRA, truth, and a page for the experimenter.

Pages and fields are those of webMUSHRA (audiolabs, https://github.com/audiolabs/webMUSHRA); paths
are relative to its root, into which the folder `configs` is copied.
"""

from collections.abc import Mapping, Sequence

from qastanet.listening_design.conditions import ANCHORS, REFERENCE

SOUNDS = "configs/resources"
"""Folder of the sounds, below it one per test."""

WELCOME = """<p>You will compare versions of the same sound with a reference, over headphones.</p>
<p>Rate the overall quality of each version against the reference: 100 means that you hear no
difference. One of the versions is the reference itself. Listen as often as you like, and to short
parts in a loop. There are {trials} pages; take a break whenever you wish.</p>"""

VOLUME = "<p>Set a comfortable level now, and leave it as it is for the whole test.</p>"

RATE = "<p>Overall quality, compared with the reference?</p>"

README = """# {name}: a listening test of {trials} trials

Made by `qastanet design` (version {version}, seed {seed}): {how}.

* `configs/{name}.yaml`: the test for webMUSHRA, `{sounds}/{name}/`: its sounds, two ears for
  headphones, 48 kHz, 24 bit, of equal loudness ({loudness:g} LUFS, ITU-R BS.1770).
* `design.csv`: the truth, with what each metric predicts. Keep it from the listeners.

## Run it

* **In a browser:** copy `configs` into the folder of webMUSHRA and open
  `http://.../?config={name}.yaml`. Its results are `results/{name}/mushra.csv` there. It
  needs PHP; without, `pip install pymushra`, `mkdir -p db`,
  `pymushra -w PATH_OF_WEBMUSHRA server`; then save
  `http://localhost:5000/admin/download/{name}.csv` and give it to `--webmushra`.
* **In a notebook:** open `notebooks/explore_listening.ipynb` of QASTAnet and name this folder in
  its first cell. Results go to `results/{name}/mushra.csv` below this folder.

Listen over headphones in a quiet room, the same for all, at a comfortable level that stays. Let
each listener rate a trial for practice, and do not count it. One session takes about {minutes}
minutes; longer ones need a break.

## Learn from it

```sh
qastanet manifest --webmushra results/{name}/mushra.csv --sounds {sounds}/{name} \\
  --anchor anchor70 -o {name}.csv
qastanet train {name}.csv --scale-only -o {name}.safetensors
make reproduce MANIFEST={name}.csv
```

{recordings} recordings carry the evidence: what is told apart here holds for recordings like these.
"""

MINUTES_PER_SOUND = 0.35
"""What rating a sound takes in a session."""


def configuration(name: str, trials: Mapping[str, Sequence[str]]) -> dict:
    """Return the configuration of a test.

    Args:
        name: of the test, its identifier and the name of its files
        trials: trial -> its conditions

    Example:
        >>> pages = configuration("mine", {"drums": ["opus64"]})["pages"]
        >>> [page[1]["type"] if isinstance(page, list) else page["type"] for page in pages]
        ['generic', 'volume', 'mushra', 'finish']
    """
    first = next(iter(trials))
    pages: list = [
        {
            "type": "generic",
            "id": "welcome",
            "name": "Welcome",
            "content": WELCOME.format(trials=len(trials)),
        },
        {
            "type": "volume",
            "id": "level",
            "name": "Level",
            "content": VOLUME,
            "stimulus": place(name, first, REFERENCE),
            "defaultVolume": 0.5,
        },
    ]
    pages.append(["random", *(_page(name, trial, names) for trial, names in trials.items())])
    code = {"type": "text", "label": "Your code", "name": "listener"}
    pages.append(
        {
            "type": "finish",
            "name": "Thank you",
            "content": "<p>Please send your ratings.</p>",
            "showResults": False,
            "writeResults": True,
            "questionnaire": [code],
        }
    )
    return {
        "testname": name,
        "testId": name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        "pages": pages,
    }


def _page(name: str, trial: str, conditions: Sequence[str]) -> dict:
    """Return the page of a trial; webMUSHRA adds the hidden reference by itself."""
    return {
        "type": "mushra",
        "id": trial,
        "name": "Overall quality",
        "content": RATE,
        "showWaveform": True,
        "enableLooping": True,
        "reference": place(name, trial, REFERENCE),
        "createAnchor35": False,
        "createAnchor70": False,
        "randomize": True,
        "showConditionNames": False,
        "strict": True,
        "switchBack": True,
        "stimuli": {each: place(name, trial, each) for each in (*ANCHORS, *conditions)},
    }


def place(name: str, trial: str, sound: str) -> str:
    """Return where a sound lies below the folder of a test.

    Example:
        >>> place("mine", "drums", "opus64")
        'configs/resources/mine/drums/opus64.wav'
    """
    return f"{SOUNDS}/{name}/{trial}/{sound}.wav"
