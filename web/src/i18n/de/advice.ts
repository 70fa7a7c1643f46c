// Was zu versuchen ist: die Hinweise der Treiber und Leitungen, nach dem englischen Satz. Einer, der hier fehlt, bleibt englisch.

export const advice: Readonly<Record<string, string>> = {
  'does the device wait for a pairing, and is the code right? `remove` it and pair it anew':
    'Wartet das Gerät aufs Koppeln, und stimmt der Code? Entfernen und neu koppeln.',
  'install and start `dbus`; in a container, share /run/dbus/system_bus_socket of the machine':
    '`dbus` installieren und starten; in einem Container /run/dbus/system_bus_socket des Rechners freigeben.',
  'install the package `bluez` and switch it on: systemctl enable --now bluetooth':
    'Das Paket `bluez` installieren und einschalten: systemctl enable --now bluetooth',
  'is it on and near? a device that a phone\'s app holds is silent: close the app':
    'Ist es an und in der Nähe? Ein Gerät, das die App eines Handys hält, schweigt: App schließen.',
  'is it the device that it is taken for? `connect` lists what it has':
    'Ist es das Gerät, für das es gehalten wird? Nach dem Verbinden steht da, was es hat.',
  'it is tried again; see `rssi`: below -90 dBm links break': 'Es wird wieder versucht; siehe `rssi`: unter -90 dBm reißen Verbindungen ab.',
  'most devices bear one link only: close the app on the phone; else bring the adapter nearer':
    'Die meisten Geräte dulden nur eine Verbindung: App auf dem Handy schließen, sonst den Adapter näher bringen.',
  'plug in an adapter, or unlock it with `rfkill unblock bluetooth`; `bluetoothctl list` shows what is there':
    'Einen Adapter einstecken oder mit `rfkill unblock bluetooth` entsperren; `bluetoothctl list` zeigt, was da ist.',
  'put the user of this daemon into the group `bluetooth`, and start the daemon again':
    'Den Benutzer dieses Dienstes in die Gruppe `bluetooth` aufnehmen und den Dienst neu starten.',
  'switch it on with the action `power`, or with `bluetoothctl power on`': 'Auf der Seite „Bluetooth“ einschalten, oder mit `bluetoothctl power on`.',
  'a serial port looks like /dev/ttyUSB0, /dev/ttyS0 or /dev/serial/by-id/…':
    'Eine serielle Schnittstelle heißt etwa /dev/ttyUSB0, /dev/ttyS0 oder /dev/serial/by-id/…',
  'add the user that runs this to the group that owns the device, often `dialout`':
    'Den Benutzer dieses Dienstes in die Gruppe der Schnittstelle aufnehmen, oft `dialout`.',
  'does the adapter support this speed and parity?': 'Kann der Adapter diese Geschwindigkeit und Parität?',
  'is host and port right? some devices must be told first to listen, and many take one connection only':
    'Stimmen Adresse und Port? Manche Geräte muss man erst lauschen lassen, und viele nehmen nur eine Verbindung an.',
  'is the adapter plugged in? `ls /dev/serial/by-id` lists names that stay': 'Steckt der Adapter? `ls /dev/serial/by-id` zeigt Namen, die bleiben.',
  'is the device on, in the same network, and not behind a firewall?': 'Ist das Gerät an, im selben Netz und hinter keiner Firewall?',
  'two programs cannot share a serial line; `fuser` names the other one':
    'Zwei Programme können sich keine serielle Leitung teilen; `fuser` nennt das andere.',
  'start the PLC program': 'Das SPS-Programm starten.',
  'values come from, and go to, the second end point meanwhile': 'Solange läuft alles über den zweiten Weg.',
  'add a route on the device: call the action `add_route` with its user and password, or add it in TwinCAT with this Net ID and this machine\'s address':
    'Im Gerät eine Route eintragen: mit der Aktion „Route in der SPS eintragen“, oder in TwinCAT mit dieser Net-ID und der Adresse dieses Rechners.',
  'does TwinCAT run on the device? is `host` right? ADS listens on TCP 48898':
    'Läuft TwinCAT auf dem Gerät? Stimmt die Adresse? ADS lauscht auf TCP 48898.',
  'is `host` spelled right? an address works without a name server': 'Ist der Name richtig geschrieben? Eine Adresse geht auch ohne Nameserver.',
  'is the PLC overloaded or stopped at a breakpoint? raise `timeout_ms` on a slow line':
    'Ist die SPS überlastet oder steht sie an einem Haltepunkt? Auf einer langsamen Leitung länger auf Antwort warten.',
  'is the PLC program loaded and its boot project active? 801 is the first runtime of TwinCAT 2, 851 of TwinCAT 3':
    'Ist das SPS-Programm geladen und sein Bootprojekt aktiv? 801 ist die erste Laufzeit von TwinCAT 2, 851 die von TwinCAT 3.',
  'is the device on, and is UDP 48899 open in its firewall?': 'Ist das Gerät an, und lässt seine Firewall UDP 48899 durch?',
  'is the device on, in the same network, and is TCP 48898 open in its firewall?':
    'Ist das Gerät an, im selben Netz, und lässt seine Firewall TCP 48898 durch?',
  'look it up in the tree; a global variable of TwinCAT 2 begins with a dot':
    'Im Baum nachsehen; eine globale Variable von TwinCAT 2 beginnt mit einem Punkt.',
  'read its parts, or let the PLC program copy it into an elementary type':
    'Ihre Teile lesen, oder sie im SPS-Programm in einen einfachen Typ kopieren.',
  'restart TwinCAT on the device if this stays': 'Bleibt es so, TwinCAT auf dem Gerät neu starten.',
  'set `ams_net_id` to the Net ID of the device: TwinCAT shows it, and the action `discover` too':
    'Die AMS-Net-ID des Geräts eintragen: TwinCAT zeigt sie, „Steuerungen suchen“ auch.',
  'set `ams_port` to 801 (811, 821, 831 for further runtimes)': 'Als AMS-Port 801 eintragen (811, 821, 831 für weitere Laufzeiten).',
  'set `ams_port` to 851 (852, 853, … for further runtimes)': 'Als AMS-Port 851 eintragen (852, 853, … für weitere Laufzeiten).',
  'start TwinCAT in RUN mode; the link comes back by itself': 'TwinCAT in RUN schalten; die Verbindung kommt von selbst wieder.',
  'the link comes back by itself; is the network stable?': 'Die Verbindung kommt von selbst wieder; ist das Netz stabil?',
  'try again in a moment': 'Gleich noch einmal versuchen.',
  'use a user of the device\'s operating system; TwinCAT 3 often has `Administrator` with `1`, CE devices an empty password':
    'Einen Benutzer des Betriebssystems der Steuerung nehmen; TwinCAT 3 hat oft `Administrator` mit `1`, CE-Geräte ein leeres Passwort.',
  'write a part of it, or another variable': 'Einen Teil davon schreiben, oder eine andere Variable.',
  'write the variable that the program reads, not one that it computes':
    'Die Variable schreiben, die das Programm liest, nicht eine, die es berechnet.',
  'TwinCAT PLC Control writes it beside the project when it compiles, as PROJECT.tpy':
    'TwinCAT PLC Control schreibt sie beim Übersetzen neben das Projekt, als PROJEKT.tpy.',
  'a `.tpy` file lies beside the project, as PROJECT.tpy': 'Eine `.tpy`-Datei liegt neben dem Projekt, als PROJEKT.tpy.',
  'is the disk full?': 'Ist die Platte voll?',
  'the tree is there as soon as the PLC has answered once': 'Der Baum ist da, sobald die SPS einmal geantwortet hat.',
  'pulse a bool or a number': 'Ein Puls geht mit einem Bool oder einer Zahl.',
  'browse shows what was heard; a device that is named in the configuration stays':
    'Der Baum zeigt, was gehört wurde; ein Gerät, das in der Verbindung steht, bleibt.',
  'finish that first, or wait a minute and a half': 'Das erst beenden, oder anderthalb Minuten warten.',
  'wait until one of them has ended': 'Warten, bis eine davon geendet hat.',
  'others hold the link for long: does the adapter bear more `links`?':
    'Andere halten die Verbindung lange: verträgt der Adapter mehr Verbindungen zugleich?',
  'a protection may hold the switch: see the alarms, or some boards switch a moment later':
    'Vielleicht hält ein Schutz den Schalter: siehe Alarme. Manche Platinen schalten erst einen Moment später.',
  'browse shows what this battery says': 'Der Baum zeigt, was diese Batterie sagt.',
  'does the battery answer at all?': 'Antwortet die Batterie überhaupt?',
  'is the battery awake, are the two data wires swapped, and do battery, speed and address fit?':
    'Ist die Batterie wach, sind die beiden Datenadern vertauscht, und passen Batterie, Geschwindigkeit und Adresse?',
  'is the battery awake, are the two data wires swapped? some boards sleep until they are charged; else name `battery` and `baud`':
    'Ist die Batterie wach, sind die beiden Datenadern vertauscht? Manche Platinen schlafen, bis geladen wird. Sonst Batterie und Geschwindigkeit angeben.',
  'name `battery`, and perhaps `variant`; the manual lists them': 'Die Batterie angeben, vielleicht auch die Variante; das Handbuch zählt sie auf.',
  'of a battery only its switches can be written, and not of every one':
    'Schreiben lassen sich nur die Schalter einer Batterie, und nicht bei jeder.',
  'write true or false, or 1 or 0': 'true oder false schreiben, oder 1 oder 0.',
  'an older or a newer firmware may send less; send in a capture':
    'Eine ältere oder neuere Firmware sendet vielleicht weniger; bitte einen Mitschnitt einsenden.',
  'another device on the line, or another variant of this battery': 'Ein anderes Gerät an der Leitung, oder eine andere Variante dieser Batterie.',
  'copy the key anew: VictronConnect, the device\'s settings, product info, instant readout details':
    'Den Schlüssel neu kopieren: VictronConnect, Einstellungen des Geräts, Produktinfo, Details zur Sofortanzeige.',
  'is it this battery and this variant?': 'Ist es diese Batterie und diese Variante?',
  'is it this battery, this variant, and the right speed of the line?': 'Ist es diese Batterie, diese Variante und die richtige Geschwindigkeit?',
  'it may want its password first, or the switch is locked by a protection':
    'Vielleicht will sie erst ihr Passwort, oder ein Schutz sperrt den Schalter.',
  'noise on the line, or a chunk is missing: check wires, earth and termination':
    'Störungen auf der Leitung, oder ein Stück fehlt: Adern, Masse und Abschluss prüfen.',
  'write it without a pulse': 'Ohne Puls schreiben.',
  '`+` fills one level and `#` the last one: house/+/power, alarms/#': '`+` steht für eine Ebene und `#` für den Rest: haus/+/leistung, alarme/#',
  'any web page could use it: leave out `websocket`, or `anonymous`':
    'Jede Webseite könnte ihn benutzen: WebSocket oder den Zugang ohne Anmeldung weglassen.',
  'it looks like 127.0.0.1:1883, or 0.0.0.0:1883 for all networks of this machine':
    'Etwa 127.0.0.1:1883, oder 0.0.0.0:1883 für alle Netze dieses Rechners.',
  'listen on 127.0.0.1, or create tokens for the clients and leave `anonymous` out':
    'Auf 127.0.0.1 lauschen, oder Tokens für die Geräte anlegen und den Zugang ohne Anmeldung weglassen.',
  'write less often': 'Seltener schreiben.',
  'raise `retained_bytes`, or set `retain` to false for this topic':
    'Mehr Platz für behaltene Nachrichten erlauben, oder dieses Topic nicht behalten.',
  'see the instance\'s state': 'Siehe den Zustand der Instanz.',
  'it looks like house/kitchen/power': 'Etwa haus/kueche/leistung.',
  'may this user read it? narrow `browse_filter`': 'Darf dieser Benutzer es lesen? Den Filter fürs Durchsuchen enger fassen.',
  'only topics with a retained message, or a new one, are seen': 'Zu sehen sind nur Topics mit einer behaltenen oder einer neuen Nachricht.',
  'check `user` and `password`': 'Benutzer und Passwort prüfen.',
  'does another client use the same `client_id`? is the network stable?': 'Benutzt ein anderer dieselbe Client-ID? Ist das Netz stabil?',
  'does this port want TLS (`tls: {}`)? does an old broker want `protocol: "3.1.1"`?':
    'Will dieser Port TLS? Will ein alter Broker das Protokoll 3.1.1?',
  'is `tls.ca_file` the authority that signed the broker\'s certificate, and is `host` a name in that certificate?':
    'Hat die angegebene Stelle das Zertifikat des Brokers unterschrieben, und steht der Name darin?',
  'is the broker running, and are host and port right? (1883 without TLS, 8883 with)':
    'Läuft der Broker, und stimmen Adresse und Port? (1883 ohne TLS, 8883 mit)',
  'is the broker\'s machine on, in the same network, and not behind a firewall?':
    'Ist der Rechner des Brokers an, im selben Netz und hinter keiner Firewall?',
  'set `protocol` to "3.1.1"': 'Das Protokoll auf 3.1.1 stellen.',
  'set another `client_id`: letters and digits, at most 23': 'Eine andere Client-ID nehmen: Buchstaben und Ziffern, höchstens 23.',
  'look at the value, then write again if need be': 'Den Wert ansehen, dann bei Bedarf noch einmal schreiben.',
  'may this user publish to this topic?': 'Darf dieser Benutzer hier veröffentlichen?',
  'values come from, and go to, the second broker meanwhile': 'Solange läuft alles über den zweiten Broker.',
  'write the whole topic': 'Das ganze Topic schreiben.',
  'does the device answer at all?': 'Antwortet das Gerät überhaupt?',
  'is the unit number right, is the device on, and do speed, parity and wires agree with it?':
    'Stimmt die Gerätenummer, ist das Gerät an, und passen Geschwindigkeit, Parität und Adern?',
  'see type, scale, `min` and `max` of the register': 'Siehe Typ, Faktor, kleinsten und größten Wert des Registers.',
  'the device may limit the value, or take it only in another mode':
    'Vielleicht begrenzt das Gerät den Wert, oder nimmt ihn nur in einer anderen Betriebsart an.',
  'install the package ca-certificates, or set `ca_file`': 'Das Paket ca-certificates installieren, oder eine Zertifikatsdatei angeben.',
  'is the receiver running, and may this machine reach it?': 'Läuft der Empfänger, und darf dieser Rechner ihn erreichen?',
  'list it in `allow_private` if requests may go there': 'Dürfen Anfragen dorthin gehen, die Adresse unter den erlaubten eintragen.',
  'redirects are not followed: configure the final address': 'Umleitungen wird nicht gefolgt: die endgültige Adresse eintragen.',
  'see the driver\'s README': 'Siehe die README des Treibers.',
  'start it, or see on its page why it does not run': 'Sie starten, oder auf ihrer Seite nachsehen, warum sie nicht läuft.',
  'look at the battery\'s own app; while this lasts these values are uncertain':
    'Was zeigt die App der Batterie? Solange das so ist, sind diese Werte unsicher.',
  'wait longer for the rest, or check the wires; a capture needs every chunk':
    'Länger auf den Rest warten oder die Leitungen prüfen; ein Mitschnitt braucht jedes Stück.',
};
