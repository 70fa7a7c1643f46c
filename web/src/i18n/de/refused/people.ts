// Benutzer, Tokens, Geheimnisse, Zertifikate, Archive und alte Fassungen von Dateien.
import type { Forms } from '../../said';

const logins: Forms = {
  'the set-up code is wrong': 'Der Einmal-Code stimmt nicht',
  'the set-up is done': 'Fieldrail ist schon eingerichtet',
  'the login link is used up or too old': 'Der Anmelde-Link ist verbraucht oder zu alt',
  'the name or the password is wrong': 'Name oder Passwort stimmt nicht',
  'there is a user `{}` already': 'Den Benutzer „{}“ gibt es schon',
  'there is no user `{}`': 'Es gibt keinen Benutzer „{}“',
  'the user `{}` is gone already': 'Den Benutzer „{}“ gibt es nicht mehr',
  'only a user has a password; this is a token or the console': 'Nur ein Benutzer hat ein Passwort; dies ist ein Token oder die Konsole',
  'the present password is wrong': 'Das jetzige Passwort stimmt nicht',
  'type it again': 'Noch einmal eingeben.',
  'a password has {} to {} characters, this one has {}': 'Ein Passwort hat {} bis {} Zeichen, dieses hat {}',
  'a short sentence is easy to remember and hard to guess': 'Ein kurzer Satz lässt sich gut merken und schlecht raten.',
  "the password is the user's name": 'Das Passwort ist der Name des Benutzers',
  'choose another one': 'Ein anderes wählen.',
  'the password could not be hashed': 'Das Passwort ließ sich nicht verarbeiten',
  'this is the last administrator; nobody could configure the house any more':
    'Das ist der letzte Administrator; niemand könnte das Haus mehr einrichten',
  'a name has 1 to 64 letters, digits, blanks or . _ - @ and is not `console`':
    'Ein Name hat 1 bis 64 Buchstaben, Ziffern, Leerzeichen oder . _ - @ und ist nicht „console“',
  'the name is shown in logs and lists; choose a plain one': 'Der Name steht in Protokollen und Listen; einen schlichten wählen.',
  'there is a token `{}` already': 'Das Token „{}“ gibt es schon',
  'there is no token `{}`': 'Es gibt kein Token „{}“',
};

const secrets: Forms = {
  'this is no name for a secret': 'So kann kein Geheimnis heißen',
  'a name has 1 to {} letters a–z, digits and . _ -': 'Ein Name hat 1 bis {} Buchstaben a–z, Ziffern und . _ -',
  'the secret is empty': 'Das Geheimnis ist leer',
  'the secret has {} bytes, more than {}': 'Das Geheimnis hat {} Bytes, mehr als {}',
  'give 1 to {} bytes': '1 bis {} Bytes angeben.',
  'there is no secret `{}`': 'Es gibt kein Geheimnis „{}“',
  'there is no secret named `{}`': 'Es gibt kein Geheimnis „{}“',
  'there is no secret of this name': 'Es gibt kein Geheimnis dieses Namens',
  'there is a secret `{}` already': 'Das Geheimnis „{}“ gibt es schon',
  'there are {} secrets; remove some that nothing refers to': 'Es gibt schon {} Geheimnisse; welche entfernen, auf die nichts verweist',
  '`{}` refers to the secret `{}` at {}': '„{}“ verweist bei {3} auf das Geheimnis „{2}“',
  'add `{}` to `secrets.json`, or to the secrets in the web admin': '„{}“ auf der Seite „System“ unter „Geheimnisse“ hinterlegen.',
  'add it to `secrets.json`': 'Auf der Seite „System“ unter „Geheimnisse“ hinterlegen.',
  'the value of `{}` is only the mask of a secret': 'Der Wert von „{}“ ist nur die Maske eines Geheimnisses',
  'give the secret itself': 'Das Geheimnis selbst angeben.',
  'send the secret itself in `secrets`; `missing` of a dry run lists all of them': 'Jedes Geheimnis, das hier fehlt, selbst angeben.',
};

const certificates: Forms = {
  'HTTPS is off, so there is no certificate to change; switch it on first': 'HTTPS ist aus, also gibt es kein Zertifikat zu ändern; zuerst einschalten',
  'fieldrail.json names the certificate {}; put the new one there, it is seen at once':
    'fieldrail.json nennt das Zertifikat {}; das neue dort hinlegen, es gilt sofort',
  'no certificate can be made': 'Es lässt sich kein Zertifikat machen',
  'the uploaded certificate cannot be removed: {}': 'Das hochgeladene Zertifikat lässt sich nicht entfernen: {}',
  'this is no PEM file': 'Das ist keine PEM-Datei',
  'a .der or .p12 file is converted with openssl': 'Eine .der- oder .p12-Datei wandelt openssl um.',
  'this key is open to everybody on this machine': 'Diesen Schlüssel kann jeder auf diesem Rechner lesen',
  'there is no certificate in it': 'Darin ist kein Zertifikat',
  'it begins with -----BEGIN CERTIFICATE-----; a .der or .p12 file is converted with openssl':
    'Es beginnt mit -----BEGIN CERTIFICATE-----; eine .der- oder .p12-Datei wandelt openssl um.',
  'this certificate cannot be read': 'Dieses Zertifikat ist nicht zu lesen',
  'was it copied as a whole?': 'Wurde es ganz kopiert?',
  'this certificate has expired on {}': 'Dieses Zertifikat ist am {} abgelaufen',
  'renew it; if it is new, is the clock of this machine right?': 'Erneuern; ist es neu, geht dann die Uhr dieses Rechners richtig?',
  'this certificate is not valid before {}': 'Dieses Zertifikat gilt erst ab {}',
  'is the clock of this machine right?': 'Geht die Uhr dieses Rechners richtig?',
  'this key does not belong to the certificate': 'Dieser Schlüssel gehört nicht zum Zertifikat',
  "the house's own certificate comes first in its file, those of its authorities after it":
    'Das eigene Zertifikat des Hauses kommt in der Datei zuerst, dann die seiner Aussteller.',
  'this key cannot be used': 'Dieser Schlüssel ist nicht zu gebrauchen',
  'use an RSA key of 2048 to 8192 bits, P-256, P-384 or Ed25519': 'Einen RSA-Schlüssel mit 2048 bis 8192 Bit nehmen, P-256, P-384 oder Ed25519.',
  'this key has a pass phrase, and nobody types it at a start': 'Dieser Schlüssel hat ein Passwort, und beim Start tippt es niemand ein',
  'take the pass phrase off: openssl pkey -in KEY -out KEY.plain': 'Das Passwort entfernen: openssl pkey -in KEY -out KEY.plain',
  'there is no private key in it': 'Darin ist kein privater Schlüssel',
  'it begins with -----BEGIN PRIVATE KEY-----': 'Er beginnt mit -----BEGIN PRIVATE KEY-----',
  'there are too many parts in it': 'Darin sind zu viele Teile',
  'remove the rest': 'Den Rest entfernen.',
  'this part is not whole': 'Dieser Teil ist nicht ganz',
  'this part has no end': 'Dieser Teil hat kein Ende',
  'copy it again': 'Noch einmal kopieren.',
  'copy it again, with its last line': 'Noch einmal kopieren, samt der letzten Zeile.',
  'this line does not belong into a certificate or key': 'Diese Zeile gehört nicht in ein Zertifikat oder einen Schlüssel',
  'nobody can listen on {}: {}': 'Auf {} lässt sich nicht lauschen: {}',
  'ports below 1024 are for root only; 8443 is usual': 'Ports unter 1024 sind nur für root; üblich ist 8443.',
  'another program uses this port; take another one': 'Ein anderes Programm hat diesen Port; einen anderen nehmen.',
  '0.0.0.0 stands for all addresses of this machine': '0.0.0.0 steht für alle Adressen dieses Rechners.',
  'port {} is that of HTTP already': 'Der Port {} ist schon der von HTTP',
  '8443 is usual': 'Üblich ist 8443.',
};

const archives: Forms = {
  'the archive cannot be used: {}': 'Das Archiv ist nicht zu gebrauchen: {!}',
  'take an archive as this page saves it, with nothing added to it': 'Ein Archiv nehmen, wie diese Seite es speichert, ohne Zusätze.',
  'it is no base64 ({})': 'es ist kein Base64 ({})',
  'it has {} bytes, more than {}': 'es hat {} Bytes, mehr als {}',
  'there are {} files in it, more than {}': 'es sind {} Dateien darin, mehr als {}',
  'a file is in it twice': 'eine Datei ist zweimal darin',
  'its files overlap': 'seine Dateien überlappen sich',
  '`{}` in it is no plain file': '„{}“ darin ist keine gewöhnliche Datei',
  '`{}` in it is no file of a configuration': '„{}“ darin ist keine Datei einer Konfiguration',
  'there is no file of a configuration in it': 'es ist keine Datei einer Konfiguration darin',
  '`{}` in it is damaged ({})': '„{}“ darin ist beschädigt ({})',
  '`{}` in it unpacks to more than {} bytes': '„{}“ darin ist ausgepackt größer als {} Bytes',
  '`{}` in it is no text': '„{}“ darin ist kein Text',
  '{} does not come back from an archive': '{} kommt nicht aus einem Archiv zurück',
  'users, tokens and secrets are made anew, or their file is copied by hand':
    'Benutzer, Tokens und Geheimnisse legt man neu an, oder kopiert ihre Datei von Hand.',
};

const versions: Forms = {
  'there is no file of this name to be shown; there are {}': 'Eine Datei dieses Namens wird nicht gezeigt; es gibt {}',
  '{} could not be read since the start': '{} ließ sich seit dem Start nicht lesen',
  '{} has no version {}; old ones make room for new ones': '{} hat keine Fassung {}; alte machen neuen Platz',
  'a version is named by a number': 'Eine Fassung nennt man mit ihrer Nummer',
  'this version is damaged': 'Diese Fassung ist beschädigt',
  'this is no JSON, so nobody knows what in it is secret': 'Das ist kein JSON, also weiß niemand, was darin geheim ist',
};

export const people: Forms = { ...logins, ...secrets, ...certificates, ...archives, ...versions };
