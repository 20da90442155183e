"""The same needs in German, Spanish and French, for traffic that starts to come from elsewhere."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON

GERMAN = Topic(
    name="german",
    skill=0.66,
    styled=False,
    slots={
        **COMMON,
        "tag": words("Montag / Dienstag / Mittwoch / Donnerstag / Freitag / Samstag"),
        "monat": words("Januar / März / April / Mai / Juni / August / Oktober / Dezember"),
        "teil": words(
            "der Drucker / der Bildschirm / das Ladegerät / der Router / die Tastatur / der Lautsprecher"
        ),
        "zeit": words("gestern / letzter Woche / drei Tagen / {tag} / heute Morgen / einem Monat"),
        "gruss": words("Guten Tag, / Hallo, / Hallo zusammen, / Guten Morgen,"),
        "dank": words(
            """Vielen Dank! / Danke im Voraus. / Mit freundlichen Grüßen / Danke! /
            Bitte schnell antworten."""
        ),
    },
    asks=lines("""
        [{gruss} |]wo bleibt meine Bestellung {order}? [Sie sollte am {tag} kommen.|{dank}|]
        [{gruss} |]{teil} funktioniert nicht mehr, seit ich das Update gemacht habe. [Was kann ich \
            tun?|{dank}]
        Ich habe mein Passwort vergessen und komme nicht mehr in mein Konto. [{dank}|]
        Warum wurden mir im {monat} {amount} doppelt abgebucht?
        [{gruss} |]ich möchte mein Abo {plan} zum Ende {monat} kündigen. [{dank}|]
        Können Sie mir bitte die Rechnung {invoice} noch einmal schicken?
        Wie verbinde ich den {model} mit meinem WLAN? [Ich habe es schon dreimal versucht.|]
        [{gruss} |]ich würde den {model} gerne zurückgeben, er ist zu groß für meinen Schreibtisch. [{dank}|]
        Welcher ist besser für die Schule, {model} oder {other_model}?
        Wann bekomme ich mein Geld für {order} zurück? Ich warte schon seit {tag}.
        Schreiben Sie mir bitte eine höfliche Nachricht an {person}, dass ich am {tag} nicht kommen kann.
        Gibt es eine Garantie auf den {model}? {teil} ist nach {few} Monaten kaputtgegangen.
    """),
    follow_ups=lines("""
        Und wie lange dauert das ungefähr?
        Das habe ich schon probiert, {teil} geht immer noch nicht.
        Bekomme ich dafür eine neue Rechnung?
        Geht das auch am {tag}?
    """),
    replies=lines("""
        Ihre Bestellung ist unterwegs und kommt voraussichtlich am {tag}.
        Bitte starten Sie das Gerät neu und versuchen Sie es noch einmal.
        Ich habe Ihnen die Rechnung noch einmal geschickt.
        Sorry, I can answer this better in English.
    """),
)

SPANISH = Topic(
    name="spanish",
    skill=0.64,
    styled=False,
    slots={
        **COMMON,
        "dia": words("lunes / martes / miércoles / jueves / viernes / sábado"),
        "mes": words("enero / marzo / abril / mayo / junio / agosto / octubre / diciembre"),
        "cosa": words("la impresora / la pantalla / el cargador / el router / el teclado / el altavoz"),
        "saludo": words("Hola, / Buenos días, / Buenas tardes, / Hola a todos,"),
        "gracias": words(
            "¡Gracias! / Muchas gracias. / Gracias de antemano. / Un saludo / Es bastante urgente."
        ),
    },
    asks=lines("""
        [{saludo} |]¿dónde está mi pedido {order}? [Tenía que llegar el {dia}.|{gracias}|]
        [{saludo} |]{cosa} ya no funciona desde la última actualización. [¿Qué puedo hacer?|{gracias}]
        He olvidado mi contraseña y no puedo entrar en mi cuenta. [{gracias}|]
        ¿Por qué me han cobrado {amount} dos veces en {mes}?
        Quiero cancelar mi suscripción {plan} antes de {mes}. [{gracias}|]
        ¿Me pueden enviar otra vez la factura {invoice}, por favor?
        ¿Cómo conecto el {model} a la red de mi casa? [Lo he intentado tres veces.|]
        [{saludo} |]me gustaría devolver el {model}, es demasiado grande para mi mesa. [{gracias}|]
        ¿Cuál es mejor para estudiar, el {model} o el {other_model}?
        ¿Cuándo me devuelven el dinero del pedido {order}? Llevo esperando desde el {dia}.
        Escribe un mensaje amable para {person} y dile que no puedo ir el {dia}.
        ¿Tiene garantía el {model}? Después de unos meses {cosa} hace un ruido muy raro.
    """),
    follow_ups=lines("""
        ¿Y cuánto tarda eso más o menos?
        Ya lo he probado y {cosa} sigue igual.
        ¿Y me mandan una factura nueva?
        ¿También puede ser el {dia}?
    """),
    replies=lines("""
        Su pedido está en camino y debería llegar el {dia}.
        Por favor, reinicie el aparato e inténtelo otra vez.
        Le he enviado la factura de nuevo.
        Sorry, I can answer this better in English.
    """),
)

FRENCH = Topic(
    name="french",
    skill=0.65,
    styled=False,
    slots={
        **COMMON,
        "jour": words("lundi / mardi / mercredi / jeudi / vendredi / samedi"),
        "mois": words("janvier / mars / avril / mai / juin / août / octobre / décembre"),
        "chose": words("l'imprimante / l'écran / le chargeur / la box / le clavier / l'enceinte"),
        "salut": words("Bonjour, / Bonsoir, / Bonjour à tous, / Salut,"),
        "merci": words(
            """Merci ! / Merci d'avance. / Merci beaucoup pour votre aide. / Cordialement /
            C'est assez urgent."""
        ),
    },
    asks=lines("""
        [{salut} |]où est ma commande {order} ? [Elle devait arriver {jour}.|{merci}|]
        [{salut} |]{chose} ne marche plus depuis la mise à jour. [Que faire ?|{merci}]
        J'ai oublié mon mot de passe et je n'arrive plus à ouvrir mon compte. [{merci}|]
        Pourquoi ai-je été débité deux fois de {amount} en {mois} ?
        Je voudrais résilier mon abonnement {plan} à la fin du mois de {mois}. [{merci}|]
        Pouvez-vous m'envoyer encore une fois la facture {invoice}, s'il vous plaît ?
        Comment connecter le {model} au réseau de la maison ? [J'ai déjà essayé trois fois.|]
        [{salut} |]j'aimerais renvoyer le {model}, il est trop grand pour mon bureau. [{merci}|]
        Lequel est le meilleur pour les cours, le {model} ou le {other_model} ?
        Quand serai-je remboursé pour la commande {order} ? J'attends depuis {jour}.
        Écrivez un petit message poli à {person} pour dire que je ne peux pas venir {jour}.
        Le {model} est-il sous garantie ? Après quelques mois {chose} fait un bruit bizarre.
    """),
    follow_ups=lines("""
        Et cela prend combien de temps environ ?
        J'ai déjà essayé, {chose} ne marche toujours pas.
        Est-ce que je reçois une nouvelle facture ?
        C'est possible {jour} aussi ?
    """),
    replies=lines("""
        Votre commande est en route et devrait arriver {jour}.
        Veuillez redémarrer l'appareil et réessayer.
        Je vous ai renvoyé la facture.
        Sorry, I can answer this better in English.
    """),
)
