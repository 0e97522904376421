"""Google's services in one process: six doors, one store, one engine.

    GOOGLE_SERVICES_ROOT=/srv/buckets lro serve examples.google_services.app:doors

GOOGLE_SERVICES_ROOT is the directory whose folders are the buckets, by default the current one;
GOOGLE_SERVICES_PACE how many seconds to rest after each step of the work, for those who want to
watch.
"""

import os

from examples.google_services import automl, dataproc, dialogflow, speech, texttospeech
from examples.google_services.progress import Pace
from examples.google_services.storage import Storage
from longrunning import Operations, SQLiteStore

operations = Operations(SQLiteStore("google_services.db"), domain="google_services.example")
storage = Storage(os.environ.get("GOOGLE_SERVICES_ROOT", "."))
pace = Pace(float(os.environ.get("GOOGLE_SERVICES_PACE", "0")))

doors = [
    door(operations, storage, pace)
    for door in (
        speech.v1,
        speech.v1beta1,
        texttospeech.door,
        dataproc.door,
        dialogflow.door,
        automl.door,
    )
]
